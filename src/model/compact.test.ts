import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compact } from "./compact.ts";
import type { Group } from "./group.ts";
import type { Instance } from "./instance.ts";

const LIKE_ALL = {
  ports: { http: 80 },
  locality: { region: "west", zone: "west-1", subZone: "" },
  cluster: "c1",
  network: "default",
  health: "healthy",
  weight: 1,
  labels: { version: "v1" },
} as const;

/** Parsed from text, as adapters have it: nothing is shared. */
const group = (...instances: Partial<Instance>[]): Group =>
  JSON.parse(
    JSON.stringify({
      source: { registry: "r", scope: "web" },
      service: { namespace: "default", name: "web" },
      ports: [],
      labels: {},
      instances: instances.map((fields, index) => ({
        id: `i-${index}`,
        address: `10.0.0.${index}`,
        ...LIKE_ALL,
        ...fields,
      })),
    }),
  );
const sourced = ({ source, instances }: Group) => instances.map((one) => ({ ...one, source }));

test("what is equal in many instances is there once", () => {
  const [a, b, c] = compact(group({}, { labels: { version: "v2" } }, {})).instances;
  assert.equal(a?.ports, b?.ports);
  assert.equal(a?.locality, b?.locality);
  assert.equal(a?.labels, c?.labels);
  assert.deepEqual(b?.labels, { version: "v2" });
});

test("instances are sorted by id and know their group's source", () => {
  const { source, instances } = compact(group({ id: "b" }, { id: "a" }));
  assert.deepEqual(
    instances.map(({ id }) => id),
    ["a", "b"],
  );
  assert.ok(instances.every((one) => one.source === source));
});

test("what is compact is returned as it is, and what has not changed is the object that it was", () => {
  const before = compact(group({}, {}, {}));
  assert.equal(compact(before), before);
  const after = compact(group({}, { weight: 2 }, {}), before);
  assert.deepEqual(
    after.instances.map((one, index) => one === before.instances[index]),
    [true, false, true],
  );
  assert.equal(after.source, before.source);
});

test("another source's instances are not taken for the same", () => {
  const before = compact(group({}));
  const after = compact({ ...group({}), source: { registry: "r", scope: "api" } }, before);
  assert.deepEqual(after.instances[0]?.source, { registry: "r", scope: "api" });
});

const record = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2"));
const instance = fc.record(
  {
    address: fc.constantFrom("10.0.0.1", "10.0.0.2"),
    ports: fc.dictionary(fc.constantFrom("http", "admin"), fc.constantFrom(80, 81)),
    locality: fc.record({ region: fc.constantFrom("", "west"), zone: fc.constant(""), subZone: fc.constantFrom("", "s") }),
    cluster: fc.constantFrom("c1", "c2"),
    network: fc.constantFrom("n1", "n2"),
    health: fc.constantFrom("healthy" as const, "draining" as const),
    weight: fc.constantFrom(1, 2),
    labels: record,
    hold: fc.constant({ reason: "stale-read" as const, since: 5 }),
    stale: fc.record({ stage: fc.constant("last" as const), since: fc.constantFrom(1, 2) }),
  },
  { requiredKeys: [] },
);

test("property: the content stays what it is, whatever came before", () => {
  const state = fc.uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f"), instance), { selector: ([id]) => id });
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 4 }), (states) => {
      let before: ReturnType<typeof compact> | undefined;
      for (const named of states) {
        const next = group(...named.map(([id, fields]) => ({ id, ...fields })));
        before = compact(next, before);
        assert.deepEqual(
          before.instances,
          sourced(next).sort((a, b) => (a.id < b.id ? -1 : 1)),
        );
      }
    }),
  );
});

test("every field there is comes along, whatever an instance may get", () => {
  // `Required`: a new field does not compile until it is here, and then fails until `compact` knows it.
  const full: Required<Instance> = {
    ...LIKE_ALL,
    id: "i",
    address: "10.0.0.1",
    health: "degraded",
    weight: 7,
    hold: { reason: "partial-read", since: 1 },
    stale: { stage: "last", since: 2 },
  };
  const { source, instances } = compact(group(full));
  assert.deepEqual(instances, [{ ...full, source }]);
});
