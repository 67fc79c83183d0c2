import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { juteReader, juteWriter, MalformedFrame } from "./jute.ts";
import {
  decodeChildren,
  decodeConnect,
  decodeData,
  decodeReplyHeader,
  decodeStat,
  decodeWatcherEvent,
  encodeAuth,
  encodeConnect,
  encodePing,
  request,
} from "./records.ts";
import { writeStat } from "./stub-server.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const PATH = "00000002 2f61"; // "/a"
const DATA = "00000002 6869"; // "hi"

/** Bytes as `zookeeper.jute` has them, written by hand. */
const ENCODED: readonly (readonly [string, Uint8Array, string])[] = [
  ["exists", request.exists("/a", true)(7), `00000007 00000003 ${PATH} 01`],
  ["getData", request.getData("/a", false)(7), `00000007 00000004 ${PATH} 00`],
  ["getChildren2", request.getChildren("/a", true)(7), `00000007 0000000c ${PATH} 01`],
  ["delete", request.delete("/a")(7), `00000007 00000002 ${PATH} ffffffff`],
  ["setData", request.setData("/a", Buffer.from("hi"))(7), `00000007 00000005 ${PATH} ${DATA} ffffffff`],
  ["addWatch", request.addWatch("/a")(7), `00000007 0000006a ${PATH} 00000001`],
  [
    "replace of another node",
    request.replace("/a", Buffer.from("hi"), [
      { path: "/a", version: 3 },
      { path: "/b", version: 4 },
    ])(7),
    `00000007 0000000e 00000002 00 ffffffff ${PATH} 00000003 00000002 00 ffffffff 00000002 2f62 00000004
     00000001 00 ffffffff ${PATH} ${DATA} 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000001
     ffffffff 01 ffffffff`.replaceAll("\n", ""),
  ],
  ["closeSession", request.closeSession()(7), "00000007 fffffff5"],
  ["ping", encodePing(), "fffffffe 0000000b"],
  ["auth", encodeAuth("digest", Buffer.from("hi")), `fffffffc 00000064 00000000 00000006 646967657374 ${DATA}`],
  [
    "create of an ephemeral node for everybody",
    request.create("/a", Buffer.from("hi"), true)(7),
    `00000007 00000001 ${PATH} ${DATA} 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000001`,
  ],
  [
    "a new session",
    encodeConnect({ lastZxidSeen: 0n, timeoutMs: 30_000, sessionId: 0n }),
    `00000000 0000000000000000 00007530 0000000000000000 00000010 ${"00".repeat(16)} 00`,
  ],
  [
    "a session that is resumed",
    encodeConnect({ lastZxidSeen: 5n, timeoutMs: 30_000, sessionId: -2n, password: Buffer.from("hi") }),
    `00000000 0000000000000005 00007530 fffffffffffffffe ${DATA} 00`,
  ],
];
for (const [name, bytes, expected] of ENCODED)
  test(`${name} is written as the protocol has it`, () => assert.equal(hex(bytes), expected.replaceAll(" ", "")));

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

test("every field of a stat is read from its own place", () => {
  const fields = fc.tuple(long, long, long, long, int, int, int, long, int, int, long);
  fc.assert(
    fc.property(
      fields,
      ([czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, length, numChildren, pzxid]) => {
        const writer = juteWriter().long(czxid).long(mzxid).long(ctime).long(mtime).int(version).int(cversion).int(aversion);
        const bytes = writer.long(ephemeralOwner).int(length).int(numChildren).long(pzxid).bytes();
        const stat = decodeStat(juteReader(bytes));
        assert.deepEqual(stat, { czxid, mzxid, pzxid, version, cversion, ephemeralOwner, numChildren });
      },
    ),
  );
});

test("answers are read as they were written", () => {
  const names = fc.array(fc.string(), { maxLength: 30 });
  fc.assert(
    fc.property(names, fc.uint8Array(), fc.bigInt({ min: 0n, max: 2n ** 60n }), (children, data, seed) => {
      const list = writeStat(
        juteWriter().vector(children, (to, name) => to.ustring(name)),
        seed,
      );
      assert.deepEqual(decodeChildren(juteReader(list.bytes())).children, children);
      const read = decodeData(juteReader(writeStat(juteWriter().buffer(data), seed).bytes()));
      assert.deepEqual(new Uint8Array(read.data), data);
      assert.equal(read.stat.pzxid, seed + 2n);
    }),
  );
});

test("the answer to a connect request is read with and without its last field", () => {
  const writer = juteWriter().int(0).int(4000).long(-5n).buffer(Buffer.from("pw"));
  const expected = { timeoutMs: 4000, sessionId: -5n, password: Buffer.from("pw") };
  assert.deepEqual(decodeConnect(writer.bytes()), expected);
  assert.deepEqual(decodeConnect(writer.bool(true).bytes()), expected);
});

test("whatever the bytes are, every record gives a value or MalformedFrame", () => {
  const decoders = [decodeChildren, decodeData, decodeReplyHeader, decodeStat, decodeWatcherEvent];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const decode of [...decoders.map((decoder) => (frame: Buffer) => decoder(juteReader(frame))), decodeConnect])
        try {
          decode(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof MalformedFrame, String(error));
        }
    }),
    { numRuns: 3000 },
  );
});
