/** Each rule with a recording that breaks it and one that does not; and the stream machine's own recordings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TYPE_URL } from "../types.ts";
import type { RequestRecord, ResponseRecord, XdsRecord } from "./record.ts";
import { createValidator } from "./validate.ts";

const { cluster: CDS, endpoint: EDS, route: RDS } = TYPE_URL;
type Part = Partial<RequestRecord> | Partial<ResponseRecord>;

const open = (variant: "delta" | "sotw" = "delta"): XdsRecord => ({
  kind: "open",
  at: 0,
  stream: 1,
  node: "n",
  view: "v",
  variant,
});
const subscribe = (type: string, names: string[], more: Part = {}): XdsRecord =>
  ({ kind: "request", at: 1, stream: 1, type, nonce: "", subscribe: names, unsubscribe: [], initial: {}, ...more }) as XdsRecord;
const list = (type: string, names: string[], more: Part = {}): XdsRecord =>
  ({ kind: "request", at: 1, stream: 1, type, nonce: "", names, version: "", ...more }) as XdsRecord;
const answer = (type: string, nonce: string, error?: string): XdsRecord =>
  subscribe(type, [], { nonce, ...(error !== undefined && { error }) });
const send = (type: string, nonce: string, names: string[], more: Part = {}): XdsRecord =>
  ({
    kind: "response",
    at: 2,
    stream: 1,
    type,
    nonce,
    version: "1",
    resources: names.map((name) => ({ name, version: `${name}1` })),
    removed: [],
    ...more,
  }) as XdsRecord;
const referring = (name: string, cluster: string, version = "1") => ({
  name,
  version,
  refs: [{ typeUrl: CDS, name: cluster }],
});

function rulesOf(records: readonly XdsRecord[]): readonly string[] {
  const validator = createValidator();
  for (const record of records) validator.add(record);
  return validator.result().violations.map(({ rule }) => rule);
}

for (const [name, records, expected] of [
  [
    "an ordinary delta exchange",
    [open(), subscribe(CDS, []), send(CDS, "1", ["a"]), answer(CDS, "1"), subscribe(EDS, ["a"]), send(EDS, "2", ["a"])],
    [],
  ],
  [
    "a nonce used twice",
    [open(), subscribe(CDS, []), send(CDS, "1", ["a"]), answer(CDS, "1"), send(CDS, "1", ["b"])],
    ["nonce-reused"],
  ],
  [
    "a second response before the answer",
    [open(), subscribe(CDS, []), send(CDS, "1", ["a"]), send(CDS, "2", ["b"], { at: 900 })],
    ["answered-too-early"],
  ],
  ["parts of one answer", [open(), subscribe(CDS, []), send(CDS, "1", ["a"]), send(CDS, "2", ["b"])], []],
  ["a name nobody asked for", [open(), subscribe(EDS, ["a"]), send(EDS, "1", ["a", "b"])], ["not-asked-for"]],
  ["SotW, a name nobody asked for", [open("sotw"), list(EDS, ["a"]), send(EDS, "1", ["b"])], ["not-asked-for"]],
  ["a name sent and removed", [open(), subscribe(CDS, []), send(CDS, "1", ["a"], { removed: ["a"] })], ["named-twice"]],
  ["an empty answer to the first request", [open(), subscribe(CDS, []), send(CDS, "1", [])], []],
  [
    "an empty response out of nothing",
    [open(), subscribe(CDS, []), send(CDS, "1", []), answer(CDS, "1"), send(CDS, "2", [])],
    ["says-nothing"],
  ],
  [
    "what was refused, once more, as after a change that went there and back",
    [open(), subscribe(CDS, []), send(CDS, "1", ["a"]), answer(CDS, "1", "no"), send(CDS, "2", ["a"])],
    [],
  ],
  [
    "what was refused, again and again",
    [
      open(),
      subscribe(CDS, []),
      send(CDS, "1", ["a"]),
      ...["2", "3"].flatMap((nonce) => [answer(CDS, String(Number(nonce) - 1), "no"), send(CDS, nonce, ["a"])]),
    ],
    ["refused-again"],
  ],
  [
    "what was refused, asked for again",
    [open(), subscribe(EDS, ["a"]), send(EDS, "1", ["a"]), answer(EDS, "1", "no"), subscribe(EDS, ["a"]), send(EDS, "2", ["a"])],
    [],
  ],
  [
    "no answer to the first request",
    [open(), subscribe(CDS, []), subscribe(EDS, ["a"], { at: 60_000 })],
    ["wildcard-unanswered"],
  ],
  [
    "a route before its cluster",
    [
      open(),
      subscribe(CDS, []),
      send(CDS, "1", ["a"]),
      subscribe(RDS, ["r"]),
      send(RDS, "2", [], { resources: [referring("r", "b")] }),
    ],
    ["route-before-cluster"],
  ],
  [
    "a cluster before its route",
    [
      open(),
      subscribe(CDS, []),
      send(CDS, "1", ["a"]),
      subscribe(RDS, ["r"]),
      send(RDS, "2", [], { resources: [referring("r", "a")] }),
      answer(CDS, "1"),
      send(CDS, "3", [], { removed: ["a"] }),
    ],
    ["cluster-before-route"],
  ],
  [
    "SotW, a heartbeat that keeps a cluster, and one that does not",
    [
      open("sotw"),
      list(CDS, []),
      send(CDS, "1", ["a"]),
      list(RDS, ["r"]),
      send(RDS, "2", [], { resources: [referring("r", "a")] }),
      list(CDS, [], { nonce: "1" }),
      send(CDS, "3", [], { kept: ["a"] }),
      list(CDS, [], { nonce: "3" }),
      send(CDS, "4", [], { kept: [] }),
    ],
    ["cluster-before-route"],
  ],
  ["a request on no stream", [subscribe(CDS, [])], ["request-before-open"]],
  [
    "what follows a gap is not judged",
    [open(), subscribe(CDS, []), { kind: "gap", at: 3, stream: 1 }, send(CDS, "1", ["x"]), send(EDS, "1", ["x"])],
    [],
  ],
] as const) {
  test(name, () => assert.deepEqual(rulesOf(records as readonly XdsRecord[]), expected));
}
