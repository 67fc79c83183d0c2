import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Group } from "../model/group.ts";
import type { Health } from "../model/health.ts";
import type { Instance } from "../model/instance.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import type { ServicePort } from "../model/service.ts";
import { mergeService } from "./merge.ts";
import type { MergeRule } from "./types.ts";

const key = { namespace: "default", name: "web" };
const registries = ["local", "consul"];
const rule = (mode: MergeRule["mode"], ...order: string[]) => ({ registries, rule: { mode, order } });

const instance = (id: string, health: Health = "healthy"): Instance => ({
  id,
  address: "10.0.0.1",
  ports: { http: 80 },
  locality: UNKNOWN_LOCALITY,
  cluster: "c1",
  network: "default",
  health,
  weight: 1,
  labels: {},
});
const http = (port: number, inferred = false): ServicePort => ({ name: "http", port, protocol: "HTTP", inferred });
const group = (registry: string, ids: string[], fields: Partial<Group> = {}): Group => ({
  source: { registry, scope: "web" },
  service: key,
  ports: [http(80)],
  labels: {},
  instances: ids.map((id) => instance(id)),
  ...fields,
});
const ids = (groups: Group[], context: Parameters<typeof mergeService>[2]) =>
  mergeService(key, groups, context).instances.map(({ id }) => id);

for (const [name, groups, context, expected] of [
  [
    "merge takes all, registries in configuration order",
    [group("consul", ["b"]), group("local", ["a"])],
    rule("merge"),
    ["a", "b"],
  ],
  ["the rule's order goes first", [group("local", ["a"]), group("consul", ["b"])], rule("merge", "consul"), ["b", "a"]],
  ["priority takes the first registry that has any", [group("local", ["a"]), group("consul", ["b"])], rule("priority"), ["a"]],
  ["priority falls back when the first is empty", [group("local", []), group("consul", ["b"])], rule("priority"), ["b"]],
  ["priority with nothing anywhere is empty", [group("local", []), group("consul", [])], rule("priority"), []],
  ["reject takes the first registry even when it is empty", [group("local", []), group("consul", ["b"])], rule("reject"), []],
] as const) {
  test(name, () => {
    assert.deepEqual(ids([...groups], context), expected);
  });
}

test("two scopes of one registry belong together under every rule", () => {
  const dc1 = group("consul", ["a"], { source: { registry: "consul", scope: "dc1/web" } });
  const dc2 = group("consul", ["b"], { source: { registry: "consul", scope: "dc2/web" } });
  for (const mode of ["merge", "priority", "reject"] as const) assert.deepEqual(ids([dc2, dc1], rule(mode)), ["a", "b"]);
});

test("what reject leaves out is named in a condition, and stays among the sources", () => {
  const { conditions, sources } = mergeService(key, [group("local", ["a"]), group("consul", ["b"])], rule("reject"));
  assert.deepEqual(
    conditions.map(({ type }) => type),
    ["SourceRejected"],
  );
  assert.match(conditions[0]?.message ?? "", /consul\/web/);
  assert.equal(sources.length, 2);
});

for (const [name, a, b, port, conflicts] of [
  ["equal ports", http(80), http(80), http(80), 0],
  ["a declared number wins over an inferred one of higher rank, silently", http(8080, true), http(80), http(80), 0],
  ["two inferred numbers are no conflict", http(8080, true), http(9090, true), http(8080, true), 0],
  ["two declared numbers are", http(80), http(81), http(80), 1],
  ["two protocols are", http(80), { ...http(80), protocol: "TCP" as const }, http(80), 1],
] as const) {
  test(`ports: ${name}`, () => {
    const merged = mergeService(key, [group("local", [], { ports: [a] }), group("consul", [], { ports: [b] })], rule("merge"));
    assert.deepEqual(merged.ports, [port]);
    assert.equal(merged.conditions.filter(({ type }) => type === "PortConflict").length, conflicts);
  });
}

test("labels: the higher rank wins", () => {
  const merged = mergeService(
    key,
    [group("consul", [], { labels: { a: "2", b: "2" } }), group("local", [], { labels: { a: "1" } })],
    rule("merge"),
  );
  assert.deepEqual(merged.labels, { a: "1", b: "2" });
});

test("a service without a single usable instance says so", () => {
  const merged = mergeService(
    key,
    [group("local", [], { instances: [instance("a", "unhealthy"), instance("b", "draining")] })],
    rule("merge"),
  );
  assert.deepEqual(
    merged.conditions.map(({ type }) => type),
    ["NoUsableInstance"],
  );
});

test("property: the order in which groups arrive makes no difference", () => {
  const arbitrary = fc
    .uniqueArray(fc.tuple(fc.constantFrom("local", "consul", "zk"), fc.constantFrom("x", "y")), {
      selector: ([r, s]) => `${r}/${s}`,
      minLength: 1,
    })
    .chain((sources) =>
      fc.tuple(
        fc.constant(sources),
        fc.shuffledSubarray(sources, { minLength: sources.length }),
        fc.constantFrom("merge", "priority", "reject" as const),
      ),
    );
  fc.assert(
    fc.property(arbitrary, ([sources, shuffled, mode]) => {
      const make = (list: readonly (readonly [string, string])[]) =>
        list.map(([registry, scope], i) =>
          group(registry, [`${registry}-${scope}`], {
            source: { registry, scope },
            labels: { from: `${registry}${scope}${i * 0}` },
          }),
        );
      const context = rule(mode as MergeRule["mode"]);
      assert.deepEqual(mergeService(key, make(shuffled), context), mergeService(key, make(sources), context));
    }),
  );
});
