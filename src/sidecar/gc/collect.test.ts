import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../kernel/clock.ts";
import { fail } from "../../model/errors.ts";
import type { SurveyedRecord, Writer, WriterEvent } from "../writer.ts";
import { collect, rowOf } from "./collect.ts";

const OWNER = { cluster: "east", instance: "shop/web-1/u1", epoch: 1 };
const DOWN = fail("MB_REGISTRY_UNREACHABLE", { registry: "r", address: "a", reason: "down" });

function record(key: string, lease: SurveyedRecord["lease"] = "over"): SurveyedRecord {
  return { key, service: "web", traffic: "in", content: key, owner: OWNER, lease, evidence: `its lease is ${lease}` };
}

/** A registry that holds these, or that never opens. */
function registry(records: readonly SurveyedRecord[] | undefined, refusal?: string) {
  const purged: string[] = [];
  const unused = () => assert.fail("only looking and purging is asked for");
  const writer: Writer = {
    ...{ render: unused, observe: unused, put: unused, takeOut: unused, remove: unused, confirm: unused },
    survey: async () => records ?? [],
    async purge({ key }) {
      if (refusal === undefined) purged.push(key);
      return refusal;
    },
    async *events(signal): AsyncGenerator<WriterEvent> {
      yield records === undefined ? { type: "lost", error: DOWN, retryInMs: 100 } : { type: "open" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  };
  return { purged, writer };
}

function run(
  registries: Readonly<Record<string, { readonly writer: Writer }>>,
  more: { dryRun?: boolean; force?: boolean } = {},
) {
  const targets = Object.entries(registries).map(([name, { writer }]) => ({ name, writer }));
  const { dryRun = false, force = false } = more;
  const signal = new AbortController().signal;
  const whose = { cluster: "east", instance: undefined };
  return collect({ targets, whose, dryRun, force, timeoutMs: 200, clock: systemClock, signal });
}

const outcomes = ({ records }: Awaited<ReturnType<typeof run>>) =>
  records.map(rowOf).map(({ target, key, outcome }) => `${target} ${key} ${outcome}`);

test("orphans are removed; in a dry run it is said alone", async () => {
  const consul = registry([record("a"), record("b")]);
  assert.deepEqual(outcomes(await run({ consul }, { dryRun: true })), ["consul a would be removed", "consul b would be removed"]);
  assert.deepEqual(consul.purged, []);
  assert.deepEqual(outcomes(await run({ consul })), ["consul a removed", "consul b removed"]);
  assert.deepEqual(consul.purged, ["a", "b"]);
});

test("a registry that does not open in time is named, and keeps everything where it is", async () => {
  const [consul, zk] = [registry([record("a")]), registry(undefined)];
  const found = await run({ consul, zk });
  assert.deepEqual(outcomes(found), ["consul a kept"]);
  assert.deepEqual(
    found.unread.map(({ target, error }) => `${target} ${error.code}`),
    ["zk MB_REGISTRY_UNREACHABLE"],
  );
  assert.deepEqual(outcomes(await run({ consul, zk }, { force: true })), ["consul a removed"]);
});

test("what the registry does not let go is told with its reason", async () => {
  const { records } = await run({ consul: registry([record("a")], "its agent lives") });
  assert.deepEqual(
    records.map(({ outcome, why }) => [outcome, why]),
    [["failed", "its agent lives"]],
  );
});
