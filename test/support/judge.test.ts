/** The judges of recorded xDS, themselves judged: what breaks the protocol fails, and so does silence. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { createRecorder, type Recorder } from "../../src/xds/recording/recorder.ts";
import { makeResource } from "../../src/xds/resource.ts";
import type { StreamRequest, StreamResponse } from "../../src/xds/stream/messages.ts";
import { createXdsStream } from "../../src/xds/stream/stream.ts";
import { createTables } from "../../src/xds/table.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import { assertLegal } from "./bridge.ts";
import { tempDir } from "./temp.ts";
import { createJudge } from "./xds-rig.ts";

type Change = (response: StreamResponse) => readonly StreamResponse[];

/** A short exchange of the stream machine, each response changed before it is recorded. */
function talk(recorder: Recorder, change: Change): void {
  const tables = createTables();
  tables.complete = true;
  tables.table(TYPE_URL.endpoint).set(makeResource(TYPE_URL.endpoint, "a", Buffer.from("a")));
  tables.table(TYPE_URL.endpoint).set(makeResource(TYPE_URL.endpoint, "b", Buffer.from("b")));
  const stream = createXdsStream({ variant: "delta", tables, epoch: "e" });
  const record = recorder.open({ node: "n", view: "v", variant: "delta" });
  const request: StreamRequest = {
    ...{ variant: "delta", typeUrl: TYPE_URL.endpoint, subscribe: ["a"], unsubscribe: [] },
    ...{ initialVersions: new Map(), nonce: "", error: undefined },
  };
  stream.receive(request);
  record.request(request);
  for (const response of stream.flush()) for (const one of change(response)) record.response(one);
  record.close();
}

const BREACHES: readonly (readonly [string, Change])[] = [
  ["a name nobody asked for", (one) => [{ ...one, removed: ["b"] }]],
  ["a nonce used twice", (one) => [one, one]],
  ["a name twice", (one) => [{ ...one, resources: [...one.resources, ...one.resources] }]],
  ["a response that says nothing", (one) => [one, { ...one, nonce: "e.9", resources: [] }]],
];

test("a judge passes what the stream machine says, and fails when nothing was said", () => {
  const judge = createJudge();
  assert.throws(() => judge.assertLegal(), /0 streams/);
  talk(judge.recorder, (one) => [one]);
  judge.assertLegal();
});

for (const [name, change] of BREACHES) {
  test(`a judge fails: ${name}`, () => {
    const judge = createJudge();
    talk(judge.recorder, change);
    assert.throws(() => judge.assertLegal(), { name: "AssertionError" });
  });

  test(`the judge of a bridge's recordings fails: ${name}`, async () => {
    await using scope = new AsyncDisposableStack();
    const dir = await tempDir(scope, "judge");
    const recorder = await createRecorder(dir, { clock: fakeClock(), log: silentLog });
    talk(recorder, change);
    await recorder.close();
    await assert.rejects(assertLegal(dir, true), { name: "AssertionError" });
  });
}

test("a bridge that served and recorded nothing fails; one that never began does not", async () => {
  await using scope = new AsyncDisposableStack();
  const dir = join(await tempDir(scope, "judge"), "recording");
  await assert.rejects(assertLegal(dir, true), /nothing was recorded/);
  await assertLegal(dir, false);
  const recorder = await createRecorder(dir, { clock: fakeClock(), log: silentLog });
  talk(recorder, (one) => [one]);
  await recorder.close();
  await assertLegal(dir, true);
});
