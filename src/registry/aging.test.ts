import assert from "node:assert/strict";
import { test } from "node:test";
import type { Group } from "../model/group.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import { createAging } from "./aging.ts";
import { stageAt } from "./staleness.ts";

const HOUR = 3_600_000;
const limits = { degradeAfterMs: HOUR, lastAfterMs: 24 * HOUR, removeAfterMs: 168 * HOUR };
const DAYS_90 = 90 * 24 * HOUR;
const at = (mono: number, jump = 0) => ({ mono, wall: 1_700_000_000_000 + mono + jump });

const group: Group = {
  source: { registry: "r", scope: "web" },
  service: { namespace: "default", name: "web" },
  ports: [],
  labels: {},
  instances: [
    {
      id: "a",
      address: "10.0.0.1",
      ports: { http: 80 },
      locality: UNKNOWN_LOCALITY,
      cluster: "c1",
      network: "default",
      health: "healthy",
      weight: 1,
      labels: {},
    },
  ],
};

test("stages by age, and when the next begins", () => {
  for (const [age, stage, nextInMs] of [
    [0, "fresh", HOUR],
    [HOUR - 1, "fresh", 1],
    [HOUR, "degraded", 23 * HOUR],
    [24 * HOUR, "last", 144 * HOUR],
    [168 * HOUR, "expired", undefined],
  ] as const)
    assert.deepEqual(stageAt(age, limits), { stage, nextInMs });
  assert.deepEqual(stageAt(10 ** 12, undefined), { stage: "fresh", nextInMs: undefined });
});

test("a registry that can be read never ages, however long it is quiet", () => {
  const aging = createAging(limits);
  aging.confirmed(at(0));
  assert.equal(aging.advance(at(1000 * HOUR)), undefined);
  assert.equal(aging.stage, "fresh");
  aging.failed(at(1000 * HOUR));
  assert.equal(aging.advance(at(1000 * HOUR)), 1001 * HOUR);
  assert.equal(aging.stage, "fresh");
});

test("excused its age does not count until it is said again without, and then anew; a repeated loss keeps its age", () => {
  const aging = createAging(limits);
  aging.confirmed(at(0));
  aging.failed(at(0), undefined, true);
  assert.equal(aging.advance(at(500 * HOUR)), undefined);
  assert.equal(aging.stage, "fresh");
  aging.failed(at(500 * HOUR));
  aging.failed(at(500 * HOUR + HOUR / 2));
  assert.equal(aging.advance(at(500 * HOUR + HOUR / 2)), 501 * HOUR);
  aging.advance(at(501 * HOUR));
  assert.equal(aging.stage, "degraded");
  aging.failed(at(502 * HOUR), undefined, true);
  aging.advance(at(502 * HOUR));
  assert.equal(aging.stage, "fresh");
});

test("one that cannot be read is degraded, then last, then leaves with its service kept; a confirmation undoes it", () => {
  const aging = createAging(limits);
  aging.confirmed(at(0));
  aging.failed(at(0));
  const seen = (mono: number) => {
    aging.advance(at(mono));
    const [instance] = aging.mark(group).instances;
    return instance === undefined ? "none" : (instance.stale?.stage ?? "as it is");
  };
  assert.deepEqual([seen(0), seen(HOUR), seen(24 * HOUR), seen(168 * HOUR)], ["as it is", "degraded", "last", "none"]);
  assert.equal(aging.stage, "expired");
  aging.confirmed(at(169 * HOUR));
  assert.equal(seen(169 * HOUR), "as it is");
});

test("a wall clock that jumps by 90 days ages nothing in this process", () => {
  for (const jump of [DAYS_90, -DAYS_90]) {
    const aging = createAging(limits);
    aging.confirmed(at(0));
    aging.failed(at(0));
    aging.advance(at(HOUR - 1, jump));
    assert.equal(aging.stage, "fresh");
  }
});

test("what was restored is as old as it was saved, but leaves only after time that passed in this process", () => {
  const aging = createAging(limits);
  aging.restored(DAYS_90, at(5));
  assert.equal(aging.failing, false);
  aging.failed(at(10));
  aging.advance(at(10));
  assert.equal(aging.stage, "last");
  aging.advance(at(143 * HOUR));
  assert.equal(aging.stage, "last");
  aging.advance(at(5 + 144 * HOUR));
  assert.equal(aging.stage, "expired");
  const fresh = createAging(limits);
  fresh.restored(60_000, at(0));
  fresh.failed(at(0));
  fresh.advance(at(0));
  assert.equal(fresh.stage, "fresh");
  assert.equal(fresh.ageMs(1000), 61_000);
});

test("a part that fails for the first time is as old as what was last said of the whole, not as what was restored", () => {
  const aging = createAging(limits);
  aging.restored(10 * HOUR, at(0));
  aging.confirmed(at(0));
  aging.failed(at(20 * HOUR), "dc1");
  aging.advance(at(20 * HOUR));
  assert.deepEqual([aging.stage, aging.stageOf("dc1"), aging.ageMs(20 * HOUR, "dc1")], ["fresh", "fresh", 20 * HOUR]);
  aging.advance(at(21 * HOUR));
  assert.deepEqual([aging.stage, aging.stageOf("dc1"), aging.stageOf("dc2")], ["degraded", "degraded", "fresh"]);
});

test("a part that is no more takes its age along", () => {
  const aging = createAging(limits);
  aging.confirmed(at(0));
  aging.failed(at(0), "dc1");
  aging.advance(at(HOUR));
  assert.equal(aging.stage, "degraded");
  aging.keepParts(new Set(["dc2"]));
  assert.deepEqual([aging.stage, aging.failing], ["fresh", false]);
});
