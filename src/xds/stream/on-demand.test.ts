/** Virtual hosts on demand (xDS protocol, "Virtual Host Discovery Service"): names that Envoy makes of the hosts of requests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CDS, LDS, RDS, ref, rig, VHDS } from "./testing.ts";
import { MAX_MISSED } from "./type-state.ts";

const WEB = "outbound/http/web.default";

/** As Envoy begins: an empty request for virtual hosts, which waits for an answer. */
function begun() {
  const one = rig("delta");
  one.set(RDS, "outbound/http");
  one.delta(VHDS);
  assert.deepEqual(one.flush(), ["VHDS[-outbound/http/*]"]);
  one.ack(VHDS);
  return one;
}

test("G2 VHDS: the first request, which is empty, is answered with a word on each route configuration, and no host (envoy#46641)", () => {
  const one = rig("delta");
  one.set(RDS, "outbound/http");
  one.set(VHDS, WEB);
  one.delta(VHDS);
  assert.deepEqual(one.flush(), ["VHDS[-outbound/http/*]"]);
  one.ack(VHDS);
  one.set(VHDS, WEB, 2);
  assert.deepEqual(one.flush(), []);
  one.delta(VHDS, { subscribe: ["*"] });
  assert.deepEqual(one.flush(), [], "there is no everything of what is had on demand");
});

test("D4 VHDS: a host is asked for by the name Envoy makes of it, answered, kept current and taken away", () => {
  const one = begun();
  one.set(VHDS, WEB);
  one.delta(VHDS, { subscribe: [WEB] });
  assert.deepEqual(one.flush(), [`VHDS[${WEB}]`]);
  one.ack(VHDS);
  one.set(VHDS, WEB, 2);
  assert.deepEqual(one.flush(), [`VHDS[${WEB}]`]);
  one.ack(VHDS);
  one.remove(VHDS, WEB);
  assert.deepEqual(one.flush(), [`VHDS[-${WEB}]`]);
});

test("D4 VHDS: each way to write a host is a name of its own, dropped by that name", () => {
  const one = begun();
  one.set(VHDS, WEB);
  one.set(VHDS, `${WEB}:80`);
  one.delta(VHDS, { subscribe: [WEB, `${WEB}:80`] });
  assert.deepEqual(one.flush(), [`VHDS[${WEB} ${WEB}:80]`]);
  one.ack(VHDS);
  one.delta(VHDS, { unsubscribe: [WEB] });
  one.set(VHDS, WEB, 2);
  one.set(VHDS, `${WEB}:80`, 2);
  assert.deepEqual(one.flush(), [`VHDS[${WEB}:80]`]);
});

test("D4 VHDS: a host that is not there is answered by its name alone, each time it is asked for, and served when it comes", () => {
  const one = begun();
  for (let time = 0; time < 2; time++) {
    one.delta(VHDS, { subscribe: [WEB] });
    assert.deepEqual(one.flush(), [`VHDS[?${WEB}]`]);
    assert.deepEqual(one.last(VHDS).removed, [], "Envoy would go on waiting");
    one.ack(VHDS);
    assert.deepEqual(one.flush(), []);
  }
  one.set(VHDS, WEB);
  assert.deepEqual(one.flush(), [`VHDS[${WEB}]`]);
  one.ack(VHDS);
  one.remove(VHDS, WEB);
  assert.deepEqual(one.flush(), [`VHDS[-${WEB}]`]);
  one.ack(VHDS);
  one.delta(VHDS, { subscribe: [WEB] });
  assert.deepEqual(one.flush(), [`VHDS[?${WEB}]`]);
});

test("D4 VHDS: asked for twice while it goes: taken away from the client that has it", () => {
  const one = begun();
  one.set(VHDS, WEB);
  one.delta(VHDS, { subscribe: [WEB] });
  one.flush();
  one.delta(VHDS, { subscribe: [WEB] });
  one.remove(VHDS, WEB);
  one.ack(VHDS);
  assert.deepEqual(one.flush(), [`VHDS[-${WEB}]`]);
});

test("D4 VHDS: it comes and goes before the client is told: nothing to take away", () => {
  const one = begun();
  one.delta(VHDS, { subscribe: [WEB] });
  one.flush();
  one.set(VHDS, WEB);
  one.remove(VHDS, WEB);
  one.ack(VHDS);
  assert.deepEqual(one.flush(), []);
});

test("D4 VHDS: a reconnect is answered with the difference: gone, unknown as before, unchanged", () => {
  const one = rig("delta");
  one.set(VHDS, WEB);
  const version = one.tables.table(VHDS).get(WEB)?.version ?? "";
  const initialVersions = new Map([
    [WEB, version],
    ["gone", "abc"],
    ["unknown", ""],
  ]);
  one.delta(VHDS, { subscribe: [WEB, "gone", "unknown"], initialVersions });
  assert.deepEqual(one.flush(), ["VHDS[-gone ?unknown]"]);
});

test("D4 VHDS: of hosts called at random so many are remembered; what was forgotten is answered when asked for again", () => {
  const one = begun();
  one.delta(VHDS, { subscribe: [WEB] });
  one.flush();
  one.ack(VHDS);
  one.delta(VHDS, { subscribe: Array.from({ length: MAX_MISSED }, (_, n) => `outbound/http/random-${n}`) });
  one.flush();
  one.ack(VHDS);
  assert.equal(one.stream.progress()[0]?.names, MAX_MISSED);
  one.set(VHDS, WEB);
  one.set(VHDS, "outbound/http/random-7");
  assert.deepEqual(one.flush(), ["VHDS[outbound/http/random-7]"]);
  one.ack(VHDS);
  one.delta(VHDS, { subscribe: [WEB] });
  assert.deepEqual(one.flush(), [`VHDS[${WEB}]`]);
});

test("G1 clusters on demand: one asked for by name, one that is not there, no other; without the wildcard a route waits for none", () => {
  const one = begun();
  one.set(CDS, "web");
  one.set(CDS, "other");
  one.set(VHDS, WEB, 0, [ref(CDS, "web")]);
  one.delta(VHDS, { subscribe: [WEB] });
  assert.deepEqual(one.flush(), [`VHDS[${WEB}]`]);
  one.ack(VHDS);
  one.delta(CDS, { subscribe: ["web"] });
  assert.deepEqual(one.flush(), ["CDS[web]"]);
  one.ack(CDS);
  one.delta(CDS, { subscribe: ["nobody"] });
  assert.deepEqual(one.flush(), ["CDS[-nobody]"]);
});

test("G1 names beside the wildcard and without it (envoy#15857, #16855): both mean what they say", () => {
  const one = rig("delta");
  one.set(CDS, "a");
  one.set(CDS, "b");
  one.delta(CDS, { subscribe: ["a"] });
  assert.deepEqual(one.flush(), ["CDS[a]"]);
  one.ack(CDS);
  one.delta(CDS, { subscribe: ["*"] });
  assert.deepEqual(one.flush(), ["CDS[a b]"]);
  one.ack(CDS);
  one.delta(CDS, { subscribe: ["nobody"] });
  assert.deepEqual(one.flush(), ["CDS[-nobody]"]);
  one.ack(CDS);
  one.delta(CDS, { unsubscribe: ["*"] });
  one.set(CDS, "a", 2);
  one.set(CDS, "b", 2);
  assert.deepEqual(one.flush(), ["CDS[a]"]);
});

test("C1 VHDS: a swap removes the old cluster after the virtual host that named it", () => {
  const one = begun();
  one.set(LDS, "l");
  one.set(RDS, "outbound/http");
  one.set(CDS, "blue");
  one.set(VHDS, WEB, 1, [ref(CDS, "blue")]);
  one.delta(CDS, { subscribe: ["*"] });
  one.delta(VHDS, { subscribe: [WEB] });
  assert.deepEqual(one.flush(), ["CDS[blue]"]);
  one.ack(CDS);
  assert.deepEqual(one.flush(), [`VHDS[${WEB}]`]);
  one.ack(VHDS);
  one.set(CDS, "green");
  one.set(VHDS, WEB, 2, [ref(CDS, "green")]);
  one.remove(CDS, "blue");
  assert.deepEqual(one.flush(), ["CDS[green]"]);
  one.ack(CDS);
  assert.deepEqual(one.flush(), [`VHDS[${WEB}]`]);
  one.ack(VHDS);
  assert.deepEqual(one.flush(), ["CDS[-blue]"]);
});
