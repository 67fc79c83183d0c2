import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CatalogRow, NodeSession } from "./writer-catalog-api.ts";
import { olderThan, sweepOf } from "./writer-catalog-sweep.ts";

const OWNER = { cluster: "east", instance: "me", epoch: 1 };
const HOUR = 3_600_000;

function row(instance: string, { cluster = "east", status = "passing", output = "" } = {}): CatalogRow {
  const owner = { cluster, instance, epoch: 1 };
  const record = { key: `id-${instance}`, service: "web", traffic: "in" as const, content: "", owner };
  return { record, modifyIndex: 7, check: { status, output, modifyIndex: 9 } };
}

const session = (name: string, createIndex = 1): NodeSession => ({ id: `s-${name}`, name, createIndex });
const swept = (rows: readonly CatalogRow[], sessions: readonly NodeSession[], now = 0) =>
  sweepOf(rows, { node: "n", owner: OWNER, sessions, now, deregisterMs: 60_000 });

test("who has no session becomes critical, and leaves a while after that", () => {
  const [critical] = swept([row("dead"), row("alive")], [session("east/alive")], 1000) as [
    { Check: { Check: { Output: string } } },
  ];
  const output = critical.Check.Check.Output;
  const after = (ms: number) => swept([row("dead", { status: "critical", output })], [], 1000 + ms);
  assert.deepEqual(after(59_999), []);
  assert.deepEqual(after(60_000), [
    { Service: { Verb: "delete-cas", Node: "n", Service: { ID: "id-dead", Service: "web", ModifyIndex: 7 } } },
  ]);
});

test("a check that somebody else made critical counts from when it was seen here", () => {
  const [operation] = swept([row("dead", { status: "critical", output: "by hand" })], [], HOUR) as [{ Check: { Verb: string } }];
  assert.equal(operation.Check.Verb, "cas");
});

test("one alone of many is the oldest, and one that is gone is not", () => {
  const sessions = [session("b", 5), session("a", 3), session("c", 9)];
  assert.deepEqual(
    sessions.map(({ id }) => olderThan(sessions, id)),
    [1, 0, 2],
  );
  assert.ok(olderThan([], "s-a") > 0);
});

test("whatever is there: nothing of another cluster, of oneself, of who lives, or of nobody is touched", () => {
  const instance = fc.constantFrom("me", "a", "b");
  const one = fc.record({ instance, cluster: fc.constantFrom("east", "west"), status: fc.constantFrom("passing", "critical") });
  fc.assert(
    fc.property(fc.array(one), fc.array(instance), fc.nat(HOUR), (all, alive, now) => {
      const rows = all.map((each) => row(each.instance, { ...each, output: "no session of its owner since 0" }));
      const allowed = all.filter((each) => each.cluster === "east" && each.instance !== "me" && !alive.includes(each.instance));
      const operations = swept(
        rows,
        alive.map((name) => session(`east/${name}`)),
        now,
      );
      assert.ok(operations.length <= allowed.length);
      const ids = operations.map((operation) => JSON.stringify(operation).match(/"(?:Service)?ID":"id-(\w+)"/)?.[1]);
      for (const id of ids)
        assert.ok(
          allowed.some((each) => each.instance === id),
          `${id} was swept`,
        );
    }),
  );
});
