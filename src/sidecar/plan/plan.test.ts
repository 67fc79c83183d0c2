import assert from "node:assert/strict";
import { test } from "node:test";
import { plan } from "./plan.ts";
import type { FoundRecord, Owner, WantedRecord } from "./record.ts";

const OWNER: Owner = { cluster: "east", instance: "web-1", epoch: 4 };

function wanted(key: string, more: Partial<WantedRecord> = {}): WantedRecord {
  return { key, service: "web", traffic: "in", content: key, origin: ["east"], ...more };
}

function found(key: string, more: Partial<FoundRecord> = {}): FoundRecord {
  return { key, service: "web", traffic: "in", content: key, owner: OWNER, ...more };
}

function planned(records: readonly WantedRecord[], there: readonly FoundRecord[], synced = true) {
  const { changes, withheld } = plan({ synced, records }, { place: "consul", records: there }, OWNER);
  return {
    changes: changes.map(({ type, record }) => `${type} ${record.key}`),
    withheld: withheld.map(({ key, reason }) => `${key} ${reason}`),
  };
}

test("what is missing or differs is put, what is right is left alone", () => {
  assert.deepEqual(planned([wanted("a"), wanted("b"), wanted("c")], [found("a"), found("b", { content: "old" })]), {
    changes: ["put b", "put c"],
    withheld: [],
  });
});

test("what is not wanted any more is taken out and then removed, after what replaces it was put", () => {
  const { changes } = plan({ synced: true, records: [wanted("new")] }, { place: "consul", records: [found("old")] }, OWNER);
  assert.deepEqual(
    changes.map(({ type, record }) => `${type} ${record.key}`),
    ["put new", "take-out old", "remove old"],
  );
  assert.deepEqual(
    changes.flatMap((change) => (change.type === "put" ? [] : [change.after])),
    [["new"], ["new"]],
  );
});

test("a new record comes instead of one of its service that leaves: what can be one change is told to be one", () => {
  const records = ["new-1", "new-2", "kept"].map((key) => wanted(key, { content: "now" }));
  const there = [found("kept"), found("old"), found("api", { service: "api" }), found("theirs", { owner: undefined })];
  const { changes } = plan({ synced: true, records }, { place: "consul", records: there }, OWNER);
  const pairs = changes.flatMap((one) => (one.type === "put" ? [`${one.record.key} ${one.instead?.key}`] : []));
  assert.deepEqual(pairs, ["kept undefined", "new-1 old", "new-2 undefined"]);
});

test("a service's removals do not wait for what another service puts", () => {
  const records = [wanted("api-2", { service: "api" })];
  const { changes } = plan({ synced: true, records }, { place: "consul", records: [found("web-1", { traffic: "out" })] }, OWNER);
  assert.deepEqual(changes[1], { type: "remove", record: found("web-1", { traffic: "out" }), after: [] });
});

test("a record of another owner, or of none, is neither replaced nor removed", () => {
  const other = { cluster: "west", instance: "web-1", epoch: 1 };
  assert.deepEqual(planned([wanted("a")], [found("a", { owner: other, content: "x" }), found("b", { owner: undefined })]), {
    changes: [],
    withheld: ["a foreign"],
  });
});

test("what a later life of ours has written is left to it; what an earlier one left is ours", () => {
  const later = { ...OWNER, epoch: 5 };
  const earlier = { ...OWNER, epoch: 3 };
  const there = [found("a", { owner: later, content: "x" }), found("b", { owner: later }), found("c", { owner: earlier })];
  assert.deepEqual(planned([wanted("a")], there), { changes: ["take-out c", "remove c"], withheld: ["a superseded"] });
});

test("while our own view is not complete, things come and nothing goes", () => {
  assert.deepEqual(planned([wanted("a")], [found("b")], false), { changes: ["put a"], withheld: ["b not-synced"] });
});

test("nothing goes where it has been, or farther than it may", () => {
  const records = [wanted("a", { origin: ["consul", "east"] }), wanted("b", { origin: ["w", "x", "y", "z"] })];
  assert.deepEqual(planned(records, []), { changes: [], withheld: ["a loop", "b hops"] });
  assert.deepEqual(planned(records, [found("a")]).changes, ["take-out a", "remove a"], "nor does it stay there");
});
