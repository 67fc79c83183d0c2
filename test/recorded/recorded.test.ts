/**
 * Streams of real clients, as the recorder wrote them down while `test/e2e/grpc-clients.test.ts` ran, played again: the
 * requests go in as they came, the resources change as they did, and what comes out must be what the client got. A client
 * that orders its requests otherwise than ours do (grpc-java) is so tried without it.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { RequestRecord, ResponseRecord, XdsRecord } from "../../src/xds/recording/record.ts";
import { createValidator } from "../../src/xds/recording/validate.ts";
import { makeResource } from "../../src/xds/resource.ts";
import type { StreamRequest, StreamResponse, Variant } from "../../src/xds/stream/messages.ts";
import { createXdsStream } from "../../src/xds/stream/stream.ts";
import { createTables } from "../../src/xds/table.ts";

const FOLDER = new URL("streams/", import.meta.url);

function recordsOf(file: string): readonly XdsRecord[] {
  const lines = readFileSync(new URL(file, FOLDER), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as XdsRecord);
}

/** Resources are made of their recorded names and versions: equal versions are equal content. */
function made(type: string, { name, version, refs = [] }: ResponseRecord["resources"][number]) {
  return makeResource(type, name, Buffer.from(version), refs);
}

function requestOf(record: RequestRecord, variant: Variant, nonces: ReadonlyMap<string, string>): StreamRequest {
  const nonce = record.nonce === "" ? "" : (nonces.get(record.nonce) ?? "of another stream");
  const base = { typeUrl: record.type, nonce, error: record.error };
  if (variant === "sotw") return { ...base, variant, names: record.names ?? [], version: record.version ?? "" };
  const { subscribe = [], unsubscribe = [], initial = {} } = record;
  return { ...base, variant, subscribe, unsubscribe, initialVersions: new Map(Object.entries(initial)) };
}

const shown = (type: string, names: readonly string[]) => `${type}: ${[...names].sort().join(" ")}`;

/** Plays one stream; returns how many responses were compared. */
function replay(records: readonly XdsRecord[], variant: Variant): number {
  const tables = createTables();
  tables.complete = true;
  const responses = records.filter((record) => record.kind === "response");
  // What is sent first of each resource was there before it was asked for.
  const first = new Set<string>();
  for (const { type, resources } of responses)
    for (const one of resources) {
      const key = `${type} ${one.name}`;
      if (!first.has(key)) tables.table(type).set(made(type, one));
      first.add(key);
    }
  const stream = createXdsStream({ variant, tables, epoch: "again" });
  const nonces = new Map<string, string>();
  const waiting: StreamResponse[] = [];
  let compared = 0;
  for (const record of records) {
    if (record.kind === "request") {
      stream.receive(requestOf(record, variant, nonces));
      waiting.push(...stream.flush());
    } else if (record.kind === "response") {
      for (const one of record.resources) tables.table(record.type).set(made(record.type, one));
      waiting.push(...stream.flush());
      const next = waiting.shift();
      assert.ok(next !== undefined, `nothing was said where the client got ${record.type}`);
      const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
      assert.equal(shown(next.typeUrl, names(next.resources)), shown(record.type, names(record.resources)));
      nonces.set(record.nonce, next.nonce);
      compared++;
    }
  }
  assert.deepEqual(waiting, [], "more was said than the client got");
  return compared;
}

for (const file of readdirSync(FOLDER).sort()) {
  const records = recordsOf(file);
  test(`recorded ${file}: it kept to the rules of the protocol`, () => {
    const validator = createValidator();
    for (const record of records) validator.add(record);
    const { violations, responses } = validator.result();
    assert.deepEqual(violations, []);
    assert.ok(responses > 0);
  });

  for (const opened of records.filter((record) => record.kind === "open"))
    test(`recorded ${file}, stream ${opened.stream} of ${opened.node}: the same again`, () => {
      const own = records.filter(({ stream }) => stream === opened.stream);
      assert.ok(replay(own, opened.variant) > 0, "something was compared");
    });
}
