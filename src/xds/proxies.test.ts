import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fakeClock } from "../kernel/fake-clock.ts";
import { createProxies, type ProxyEvent, type ProxyIdentity, type ProxySession } from "./proxies.ts";

const identity = (nodeId: string, peer: string): ProxyIdentity =>
  ({ nodeId, nodeCluster: "", agent: "envoy", client: {}, view: "v", peer, variant: "delta" }) as unknown as ProxyIdentity;

function setUp() {
  const events: ProxyEvent[] = [];
  const proxies = createProxies(fakeClock(), (event) => events.push(event));
  const open = (nodeId: string, peer: string) => proxies.open(identity(nodeId, peer), () => []);
  return { events, open, ids: () => proxies.statuses().map(({ id }) => id) };
}

test("streams of one node over one connection are one proxy, which is there until the last has closed", () => {
  const { events, open, ids } = setUp();
  const [first, second] = [open("web", "10.0.0.1:5"), open("web", "10.0.0.1:5")];
  first.close();
  assert.deepEqual(ids(), ["web"]);
  second.close();
  second.close();
  assert.deepEqual([ids(), events.map(({ type }) => type)], [[], ["connected", "disconnected"]]);
});

test("connections that give the same node.id are told apart by number; a name is given again when it is free", () => {
  const { open, ids } = setUp();
  const sessions = ["a", "b", "c"].map((peer) => open("web", peer));
  assert.deepEqual(ids(), ["web", "web#2", "web#3"]);
  sessions[0]?.close();
  open("web", "d");
  assert.deepEqual(ids(), ["web", "web#2", "web#3"]);
  open("web#2", "e");
  assert.deepEqual(ids(), ["web", "web#2", "web#2#2", "web#3"]);
});

test("whatever comes and goes, no two have the same name", () => {
  const step = fc.tuple(fc.constantFrom("a", "a#2", "b"), fc.nat(5), fc.boolean());
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { open, ids } = setUp();
      const sessions = new Map<string, ProxySession>();
      for (const [node, peer, closes] of steps) {
        const key = `${node} ${peer}`;
        if (closes) {
          sessions.get(key)?.close();
          sessions.delete(key);
        } else if (!sessions.has(key)) sessions.set(key, open(node, String(peer)));
        assert.equal(ids().length, sessions.size);
        assert.equal(new Set(ids()).size, sessions.size);
      }
    }),
  );
});
