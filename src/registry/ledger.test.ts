import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { propertyRuns } from "../kernel/property-runs.ts";
import { fail } from "../model/errors.ts";
import { AUTHORITATIVE, type Evidence, suspect } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import type { Instance } from "../model/instance.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import type { RegistryEvent } from "./adapter.ts";
import { createLedger } from "./ledger.ts";
import { registrySettings } from "./testing.ts";

const HOLD_MS = 120_000;
/** Both clocks at the same number. */
const at = (ms: number) => ({ wall: ms, mono: ms });
const settings = registrySettings({ holdForMs: HOLD_MS });

const instance = (id: string): Instance => ({
  id,
  address: "10.0.0.1",
  ports: { http: 80 },
  locality: UNKNOWN_LOCALITY,
  cluster: "c1",
  network: "default",
  health: "healthy",
  weight: 1,
  labels: {},
});

const source = (scope: string) => ({ registry: "r", scope });
const group = (scope: string, ...ids: string[]): Group => ({
  source: source(scope),
  service: { namespace: "default", name: scope },
  ports: [],
  labels: {},
  instances: ids.map(instance),
});
const says = (scope: string, ids: string[], evidence: Evidence = AUTHORITATIVE): RegistryEvent => ({
  type: "group",
  group: group(scope, ...ids),
  evidence,
});
const gone = (scope: string, evidence: Evidence = AUTHORITATIVE): RegistryEvent => ({
  type: "gone",
  source: source(scope),
  evidence,
});
const synced = (evidence: Evidence = AUTHORITATIVE): RegistryEvent => ({ type: "synced", evidence });
const degraded: RegistryEvent = { type: "degraded", error: fail("MB_INTERNAL", { reason: "test" }) };

/** `web:a,b~` means service web has a, and b held. */
function shown(ledger: ReturnType<typeof createLedger>): string[] {
  return ledger
    .groups()
    .map(({ service, instances }) => `${service.name}:${instances.map(({ id, hold }) => (hold ? `${id}~` : id)).join(",")}`)
    .sort();
}

const doubt = suspect("index-went-back");

for (const [name, events, expected] of [
  ["a removal with proof is at once", [says("web", ["a", "b"]), says("web", ["a"])], ["web:a"]],
  ["the last instance leaves with proof", [says("web", ["a"]), says("web", [])], ["web:"]],
  ["a service leaves with proof", [says("web", ["a"]), gone("web")], []],
  ["doubt holds what is missing", [says("web", ["a", "b"]), says("web", ["a"], doubt)], ["web:a,b~"]],
  ["doubt holds a whole service", [says("web", ["a", "b"]), gone("web", doubt)], ["web:a~,b~"]],
  ["doubt still adds", [says("web", ["a"]), says("web", ["b"], doubt)], ["web:a~,b"]],
  ["a held instance that is named again is as before", [says("web", ["a"]), gone("web", doubt), says("web", ["a"])], ["web:a"]],
  [
    "proof right after doubt does not end the hold",
    [says("web", ["a", "b"]), says("web", ["a"], doubt), says("web", ["a"])],
    ["web:a,b~"],
  ],
  [
    "what came back after doubt leaves at once with proof",
    [says("web", ["a", "b"]), gone("web", doubt), says("web", ["a", "b"]), says("web", ["b"])],
    ["web:b"],
  ],
  ["an unreachable registry takes nothing", [says("web", ["a"]), degraded], ["web:a"]],
] as const) {
  test(name, () => {
    const ledger = createLedger(settings);
    ledger.beginRun();
    events.forEach((event, i) => {
      ledger.apply(event as RegistryEvent, at(1000 + i));
    });
    assert.deepEqual(shown(ledger), expected);
  });
}

test("what a new run does not name until it has synced is left over: it goes with proof, and is held in doubt", () => {
  for (const [evidence, expected] of [
    [AUTHORITATIVE, ["web:a"]],
    [doubt, ["api:x~", "web:a"]],
  ] as const) {
    const ledger = createLedger(settings);
    ledger.beginRun();
    for (const event of [says("web", ["a"]), says("api", ["x"]), synced()]) ledger.apply(event, at(0));
    ledger.beginRun();
    ledger.apply(says("web", ["a"]), at(1));
    assert.deepEqual(shown(ledger), ["api:x", "web:a"]);
    ledger.apply(synced(evidence), at(2));
    assert.deepEqual(shown(ledger), expected);
  }
});

test("a hold ends when authoritative answers have stood for holdFor, and a doubt in between starts the wait anew", () => {
  const ledger = createLedger(settings);
  ledger.beginRun();
  for (const event of [says("web", ["a", "b"]), synced(), says("web", ["a"], doubt)]) ledger.apply(event, at(0));
  assert.equal(ledger.releaseAt(), undefined);
  ledger.apply(synced(), at(1000));
  assert.equal(ledger.releaseAt(), 1000 + HOLD_MS);
  ledger.apply(synced(doubt), at(2000));
  assert.equal(ledger.releaseAt(), undefined);
  assert.equal(ledger.suspectReason, "index-went-back");
  ledger.apply(synced(), at(3000));
  assert.equal(ledger.suspectReason, undefined);
  ledger.apply(degraded, at(4000));
  assert.equal(ledger.releaseAt(), undefined);
  ledger.apply(synced(), at(5000));
  assert.equal(ledger.release(at(5000 + HOLD_MS - 1)).size, 0);
  assert.equal(ledger.counts().held, 1);
  assert.equal(ledger.release(at(5000 + HOLD_MS)).size, 1);
  assert.deepEqual(shown(ledger), ["web:a"]);
  assert.equal(ledger.releaseAt(), undefined);
});

test("an equal statement changes nothing", () => {
  const ledger = createLedger(settings);
  ledger.beginRun();
  assert.equal(ledger.apply(says("web", ["a"]), at(0)).size, 1);
  assert.equal(ledger.apply(says("web", ["a"]), at(1)).size, 0);
});

test("restored groups are what was known last: they leave with proof and never overwrite what the registry said", () => {
  const ledger = createLedger(settings);
  assert.equal(ledger.restore([group("web", "a"), group("api", "x")], at(0)).size, 2);
  ledger.beginRun();
  ledger.apply(says("web", ["b"]), at(1));
  assert.equal(ledger.restore([group("web", "a")], at(0)).size, 0);
  assert.deepEqual(shown(ledger), ["api:x", "web:b"]);
  ledger.apply(synced(), at(2));
  assert.deepEqual(shown(ledger), ["web:b"]);
});

test("rejected records are those of the last statement", () => {
  const ledger = createLedger(settings);
  ledger.beginRun();
  const bad = { ...instance("bad"), address: "127.0.0.1" };
  ledger.apply(
    {
      type: "group",
      group: { ...group("web", "a"), instances: [bad] },
      evidence: AUTHORITATIVE,
      rejected: [{ record: "r1", reason: "x" }],
    },
    at(0),
  );
  assert.deepEqual(
    ledger.rejected().map(({ record, service }) => [record, service]),
    [
      ["r1", "default/web"],
      ["bad", "default/web"],
    ],
  );
  ledger.apply(says("web", ["a"]), at(1));
  assert.deepEqual(ledger.rejected(), []);
});

test("property: nothing that was named leaves without proof, and everything named last is there", () => {
  const ids = fc.subarray(["a", "b", "c", "d"]);
  const evidence = fc.constantFrom(AUTHORITATIVE, doubt);
  const event = fc.oneof(
    fc.tuple(fc.constantFrom("web", "api"), ids, evidence).map(([scope, named, e]) => says(scope, named, e)),
    fc.tuple(fc.constantFrom("web", "api"), evidence).map(([scope, e]) => gone(scope, e)),
    evidence.map(synced),
    fc.constant(degraded),
  );
  const namesOf = (ledger: ReturnType<typeof createLedger>) =>
    new Set(ledger.groups().flatMap(({ service, instances }) => instances.map(({ id }) => `${service.name}/${id}`)));
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const ledger = createLedger(settings);
      ledger.beginRun();
      events.forEach((next, now) => {
        const before = namesOf(ledger);
        ledger.apply(next, at(now));
        const after = namesOf(ledger);
        const proof = "evidence" in next && next.evidence.kind === "authoritative";
        if (!proof) for (const name of before) assert.ok(after.has(name), `${name} left without proof`);
        if (next.type === "group")
          for (const { id } of next.group.instances) assert.ok(after.has(`${next.group.service.name}/${id}`));
      });
    }),
    { numRuns: propertyRuns(1000) },
  );
});
