import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CatalogInstance } from "../catalog/types.ts";
import { HEALTH, isUsable } from "../model/health.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import type { Client } from "./client.ts";
import { reach } from "./reach.ts";

const client = (role: Client["role"] = "gateway"): Client => ({
  role,
  gateway: "edge",
  cluster: "c1",
  network: "default",
  locality: UNKNOWN_LOCALITY,
  namespace: "default",
  inbound: undefined,
});
const drain = { owner: "operator", reason: "upgrade", since: 0, until: 60_000, force: false };
const forced = { drain: { ...drain, force: true } };
const hold = { reason: "mass-drop" as const, since: 0 };
const instance = (id: string, parts: Partial<CatalogInstance> = {}): CatalogInstance => ({
  id,
  source: { registry: "r", scope: "s" },
  address: `10.0.0.${id.charCodeAt(0)}`,
  ports: { http: 80 },
  locality: UNKNOWN_LOCALITY,
  cluster: "c1",
  network: "default",
  health: "healthy",
  weight: 1,
  labels: {},
  ...parts,
});

const decide = (instances: readonly CatalogInstance[], asking = client()) =>
  reach(
    {
      id: "default/web",
      key: { namespace: "default", name: "web" },
      ports: [{ name: "http", port: 80, protocol: "HTTP", inferred: false }],
      labels: {},
      instances,
      sources: [],
      conditions: [],
    },
    "http",
    asking,
  ).decisions();

const shown = (instances: readonly CatalogInstance[], asking = client()) =>
  decide(instances, asking).map(({ instance: { id }, verdict }) =>
    verdict.kind === "included" ? `${id}@${verdict.priority}:${verdict.health}` : `${id}!${verdict.reason}`,
  );

for (const [name, instances, asking, expected] of [
  [
    "the drained are DRAINING in the last priority",
    [instance("a", { drain }), instance("b")],
    client(),
    ["a@1:draining", "b@0:healthy"],
  ],
  ["gRPC is not told of them", [instance("a", { drain }), instance("b")], client("grpc"), ["a!drained", "b@0:healthy"]],
  ["with nothing else they serve on", [instance("a", { drain })], client(), ["a@0:healthy"]],
  ["and for gRPC", [instance("a", { drain })], client("grpc"), ["a@0:healthy"]],
  ["forced, they do not", [instance("a", forced)], client(), ["a@0:draining"]],
  ["forced, gRPC has none", [instance("a", forced)], client("grpc"), ["a!drained"]],
  [
    "what is only held confirms nothing",
    [instance("a", { drain }), instance("b", { hold })],
    client(),
    ["a@0:healthy", "b@0:degraded"],
  ],
  [
    "of two drained the one that is not forced serves on",
    [instance("a", { drain }), instance("b", forced)],
    client(),
    ["a@0:healthy", "b@1:draining"],
  ],
  [
    "what fails anyway stays what it is",
    [instance("a", { drain, health: "unhealthy" }), instance("b")],
    client(),
    ["a@1:unhealthy", "b@0:healthy"],
  ],
] as const) {
  test(`drain: ${name}`, () => assert.deepEqual(shown(instances, asking), expected));
}

test("the reason says who drained it, why, until when, and when it serves nevertheless", () => {
  const notes = (...instances: CatalogInstance[]) => {
    const verdict = decide(instances)[0]?.verdict;
    return verdict?.kind === "included" ? verdict.notes.join("; ") : "";
  };
  const said = notes(instance("a", { drain }), instance("b"));
  assert.equal(said, "drained by operator (upgrade) until 1970-01-01T00:01:00.000Z, so it gets no new requests");
  assert.equal(notes(instance("a", { drain })), "drained, but nothing else is confirmed to serve");
});

const arbitrary = fc.array(
  fc.record({
    health: fc.constantFrom(...HEALTH),
    network: fc.constantFrom("default", "other"),
    drain: fc.constantFrom(undefined, drain, forced.drain),
    hold: fc.constantFrom(undefined, hold),
  }),
  { maxLength: 8 },
);

test("property: no drain but a forced one takes the last usable instance from a client; none shows a usable one while others serve", () => {
  const clean = (parts: Record<string, unknown>) => Object.fromEntries(Object.entries(parts).filter(([, value]) => value));
  fc.assert(
    fc.property(arbitrary, fc.constantFrom("gateway" as const, "grpc" as const), (list, role) => {
      const instances = list.map((parts, index) => instance(String.fromCharCode(97 + index), clean(parts)));
      const usable = (all: readonly CatalogInstance[]) =>
        decide(all, client(role)).filter(({ verdict }) => verdict.kind === "included" && isUsable(verdict.health));
      const now = usable(instances);
      const without = usable(instances.map(({ drain: _, ...rest }) => rest));
      const onlyForced = without.every(({ instance: { id } }) => list[id.charCodeAt(0) - 97]?.drain?.force === true);
      if (without.length > 0 && !onlyForced) assert.ok(now.length > 0);
      const confirmed = now.some(({ instance: one }) => one.drain === undefined && one.hold === undefined);
      if (confirmed) assert.ok(now.every(({ instance: one }) => one.drain === undefined));
    }),
    { numRuns: 2000 },
  );
});
