import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Plan, plan } from "./plan.ts";
import type { Desired, FoundRecord, Observed, Owner, WantedRecord } from "./record.ts";
import { modelRegistry } from "./testing-registry.ts";

const PLACE = "consul";
const OWNER: Owner = { cluster: "east", instance: "a", epoch: 2 };
const key = fc.constantFrom("1", "2", "3", "4", "5", "6");
const service = fc.constantFrom("web", "api");
const traffic = fc.constantFrom("in" as const, "out" as const);
const content = fc.constantFrom("x", "y");

const owner: fc.Arbitrary<Owner | undefined> = fc.option(
  fc.record({ cluster: fc.constantFrom("east", "west"), instance: fc.constantFrom("a", "b"), epoch: fc.nat(3) }),
  { nil: undefined },
);
const wanted: fc.Arbitrary<WantedRecord> = fc.record({
  ...{ key, service, traffic, content },
  origin: fc.array(fc.constantFrom("east", "west", PLACE, "zk", "consul-b"), { maxLength: 5 }),
});
const found: fc.Arbitrary<FoundRecord> = fc.record({ key, service, traffic, content, owner });
const desired: fc.Arbitrary<Desired> = fc.record({ synced: fc.boolean(), records: fc.array(wanted, { maxLength: 8 }) });
const observed: fc.Arbitrary<Observed> = fc
  .uniqueArray(found, { selector: (record) => record.key, maxLength: 6 })
  .map((records) => ({ place: PLACE, records }));

/** `check` holds for whatever is wanted and found. */
function always(check: (all: { want: Desired; there: Observed; made: Plan }) => void): void {
  fc.assert(
    fc.property(desired, observed, (want, there) => check({ want, there, made: plan(want, there, OWNER) })),
    { numRuns: 2000 },
  );
}

const isOurs = ({ owner: of }: FoundRecord) =>
  of !== undefined && of.cluster === OWNER.cluster && of.instance === OWNER.instance && of.epoch <= OWNER.epoch;

test("idempotent: after a plan was applied there is nothing more to do", () => {
  always(({ want, there, made }) => {
    const registry = modelRegistry(PLACE, there.records);
    for (const change of made.changes) assert.ok(registry.apply(change, OWNER), `${change.type} ${change.record.key} applies`);
    assert.deepEqual(plan(want, registry.observe(), OWNER).changes, []);
  });
});

test("no record of another owner, of none, or of a later life is touched", () => {
  always(({ there, made }) => {
    const others = new Set(there.records.filter((record) => !isOurs(record)).map((record) => record.key));
    for (const { record } of made.changes) assert.ok(!others.has(record.key));
  });
});

test("no loop: nothing is put where it has been", () => {
  always(({ made }) => {
    for (const change of made.changes) if (change.type === "put") assert.ok(!change.record.origin.includes(PLACE));
  });
});

test("add before remove: no removal precedes a put, and each names the puts of its service", () => {
  always(({ made: { changes } }) => {
    const types = changes.map(({ type }) => type);
    assert.ok(types.lastIndexOf("put") <= types.findIndex((type) => type !== "put") || !types.some((type) => type !== "put"));
    for (const change of changes) {
      if (change.type === "put") continue;
      const puts = changes.filter((other) => other.type === "put" && other.record.service === change.record.service);
      assert.deepEqual([...change.after].sort(), puts.map(({ record }) => record.key).sort());
    }
  });
});

test("what goes with a put is ours, of its service, goes once, and is removed by the plan in any case", () => {
  always(({ want, made: { changes } }) => {
    const pairs = changes.flatMap((one) =>
      one.type === "put" && one.instead !== undefined ? [[one, one.instead] as const] : [],
    );
    const gone = pairs.map(([, { key: old }]) => old);
    assert.equal(new Set(gone).size, gone.length);
    for (const [put, old] of pairs) {
      assert.ok(isOurs(old) && old.service === put.record.service && put.over === undefined);
      assert.ok(want.synced && changes.some(({ type, record }) => type === "remove" && record.key === old.key));
    }
  });
});

test("what is dialled is taken out before it is removed", () => {
  always(({ made: { changes } }) => {
    for (const [at, { type, record }] of changes.entries())
      if (type === "remove" && record.traffic === "in")
        assert.ok(changes.slice(0, at).some((other) => other.type === "take-out" && other.record.key === record.key));
  });
});

test("nothing is removed while our own view is not complete", () => {
  always(({ want, made }) => {
    if (!want.synced) assert.ok(made.changes.every(({ type }) => type === "put"));
  });
});

test("everything wanted is there in the end, or it is said why not", () => {
  always(({ want, there, made }) => {
    const registry = modelRegistry(PLACE, there.records);
    for (const change of made.changes) registry.apply(change, OWNER);
    const withheld = new Set(made.withheld.map((one) => one.key));
    for (const record of want.records) assert.ok(withheld.has(record.key) || registry.records.has(record.key));
  });
});
