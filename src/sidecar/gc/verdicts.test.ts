import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SurveyedRecord } from "../writer.ts";
import { parseWhose, type Survey, verdictsOf, type Whose } from "./verdicts.ts";

function record(instance: string, lease: SurveyedRecord["lease"], cluster = "east"): SurveyedRecord {
  const owner = { cluster, instance, epoch: 1 };
  return { key: `${instance}-${lease}`, service: "web", traffic: "in", content: "", owner, lease, evidence: `it is ${lease}` };
}

const EAST: Whose = { cluster: "east", instance: undefined };

function told(surveys: readonly Survey[], { whose = EAST, force = false } = {}): readonly string[] {
  return verdictsOf(surveys, whose, force).map((one) => `${one.remove ? "remove" : "keep"} ${one.record.key}: ${one.why}`);
}

test("what nobody keeps alive goes; what somebody does, or may, stays", () => {
  const records = [record("a", "over"), record("b", "fresh"), record("c", "unknown"), record("d", "over", "west")];
  assert.deepEqual(told([{ target: "consul", records }]), [
    "remove a-over: it is over",
    "keep b-fresh: its owner lives: in consul it is fresh",
    "keep c-unknown: it is unknown",
  ]);
});

test("who lives in one registry is left alone in all", () => {
  const surveys = [
    { target: "consul", records: [record("a", "over"), record("b", "over")] },
    { target: "zk", records: [record("a", "fresh")] },
  ];
  assert.deepEqual(told(surveys), [
    "keep a-over: its owner lives: in zk it is fresh",
    "remove b-over: it is over",
    "keep a-fresh: its owner lives: in zk it is fresh",
  ]);
});

test("while one registry cannot be read, nothing goes; forced, everything meant goes", () => {
  const surveys = [
    { target: "consul", records: [record("a", "over"), record("a", "fresh"), record("b", "over")] },
    { target: "zk", records: undefined },
  ];
  assert.ok(told(surveys).every((line) => line.startsWith("keep")));
  const forced = told(surveys, { whose: { cluster: "east", instance: "a" }, force: true });
  assert.deepEqual(
    forced.map((line) => line.split(":")[0]),
    ["remove a-over", "remove a-fresh"],
  );
  assert.match(forced[1] ?? "", /forced, although its owner lives/);
});

test("owners as they are given", () => {
  assert.deepEqual(parseWhose("east"), EAST);
  assert.deepEqual(parseWhose("east/shop/web-1/u1"), { cluster: "east", instance: "shop/web-1/u1" });
  for (const text of ["", "/x", "east/"]) assert.equal(parseWhose(text), undefined);
});

test("whatever is found: unforced, nobody who lives loses anything, and others' records are not even spoken of", () => {
  const lease = fc.constantFrom("fresh" as const, "over" as const, "unknown" as const);
  const one = fc.record({ instance: fc.constantFrom("a", "b"), cluster: fc.constantFrom("east", "west"), lease });
  const records = fc.option(fc.array(one), { nil: undefined });
  fc.assert(
    fc.property(fc.array(records, { maxLength: 4 }), (all) => {
      const surveys = all.map((list, at) => ({
        target: `t${at}`,
        records: list?.map((each) => record(each.instance, each.lease, each.cluster)),
      }));
      const alive = new Set(all.flatMap((list) => list ?? []).flatMap((each) => (each.lease === "fresh" ? [each] : [])));
      for (const { record: of, remove } of verdictsOf(surveys, EAST, false)) {
        assert.equal(of.owner.cluster, "east");
        if (!remove) continue;
        assert.ok(![...alive].some((each) => each.cluster === "east" && each.instance === of.owner.instance));
        assert.ok(all.every((list) => list !== undefined) && of.lease === "over");
      }
    }),
  );
});
