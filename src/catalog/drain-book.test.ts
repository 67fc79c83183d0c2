import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../kernel/fake-clock.ts";
import { createDrainBook, type DrainFile } from "./drain-book.ts";
import type { Drain } from "./drains.ts";

const NOW = 1_700_000_000_000;
const drain = (cluster: string, ttl: number, owner = "operator"): Drain => ({
  service: "shop/web",
  cluster,
  owner,
  addresses: undefined,
  reason: "",
  since: NOW,
  until: NOW + ttl,
  force: false,
});

function start(initial: readonly Drain[] = [], failing = { now: false }) {
  const clock = fakeClock(NOW);
  const told: string[][] = [];
  let saved: readonly Drain[] = initial;
  const file: DrainFile = {
    load: async () => saved,
    save: async (drains) => {
      if (failing.now) throw new Error("disk full");
      saved = drains;
    },
  };
  const names = (drains: readonly Drain[]) => drains.map(({ cluster, owner }) => `${cluster}/${owner}`);
  const book = createDrainBook({ clock, file, initial, onChange: (drains) => told.push(names(drains)) });
  return { clock, told, book, saved: () => names(saved) };
}

test("a drain is written down before it counts, replaces its own, leaves others' alone, and ends by itself", async () => {
  const { clock, told, book, saved } = start();
  await book.set(drain("eu-1", 5000));
  await book.set(drain("eu-1", 9000, "deploy"));
  await book.set(drain("eu-1", 3000));
  assert.deepEqual(saved(), ["eu-1/deploy", "eu-1/operator"]);
  await clock.advance(3000);
  assert.deepEqual(told.at(-1), ["eu-1/deploy"]);
  await clock.advance(6000);
  assert.deepEqual(book.list(), []);
  assert.equal(clock.sleeping, 0);
});

test("what cannot be kept does not count, and the next one does", async () => {
  const failing = { now: true };
  const { told, book } = start([], failing);
  await assert.rejects(book.set(drain("eu-1", 5000)), /disk full/);
  assert.deepEqual(told, [[]]);
  failing.now = false;
  await book.set(drain("us-1", 5000));
  failing.now = true;
  await assert.rejects(book.remove(drain("us-1", 0)), /disk full/);
  assert.deepEqual(told.at(-1), ["us-1/operator"]);
  book.close();
});

test("after a restart what is still in force counts from the first moment, and only for the time it has left", async () => {
  const { clock, told, book } = start([drain("over", -1), drain("eu-1", 2000)]);
  assert.deepEqual(told, [["eu-1/operator"]]);
  await clock.advance(2000);
  assert.deepEqual(told, [["eu-1/operator"], []]);
  assert.equal(await book.remove(drain("eu-1", 0)), false);
});
