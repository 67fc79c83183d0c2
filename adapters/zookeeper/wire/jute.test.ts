import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type JuteReader, juteReader, juteWriter, MalformedFrame } from "./jute.ts";

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const text = fc.string({ unit: "binary" }).map((value) => value.toWellFormed());

test("what is written is what is read", () => {
  const values = fc.record({
    int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    long: fc.bigInt(INT64),
    bool: fc.boolean(),
    buffer: fc.uint8Array({ maxLength: 300 }),
    text,
    list: fc.array(text, { maxLength: 20 }),
  });
  fc.assert(
    fc.property(values, ({ int, long, bool, buffer, text, list }) => {
      const writer = juteWriter().int(int).long(long).bool(bool).buffer(buffer).ustring(text);
      const reader = juteReader(writer.vector(list, (to, item) => to.ustring(item)).bytes());
      assert.equal(reader.int(), int);
      assert.equal(reader.long(), long);
      assert.equal(reader.bool(), bool);
      assert.deepEqual(new Uint8Array(reader.buffer()), buffer);
      assert.equal(reader.ustring(), text);
      assert.deepEqual(
        reader.vector(4, (item) => item.ustring()),
        list,
      );
      assert.equal(reader.remaining, 0);
    }),
  );
});

type Read = (reader: JuteReader) => unknown;
const READS: readonly (readonly [string, Read])[] = [
  ["int", (reader) => reader.int()],
  ["long", (reader) => reader.long()],
  ["bool", (reader) => reader.bool()],
  ["buffer", (reader) => reader.buffer()],
  ["ustring", (reader) => reader.ustring()],
  ["vector", (reader) => reader.vector(4, (item) => item.ustring())],
];

test("whatever the bytes are, only MalformedFrame is thrown, and nothing is read past the end", () => {
  const reads = fc.array(fc.constantFrom(...READS.map(([, read]) => read)), { maxLength: 8 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), reads, (bytes, calls) => {
      const reader = juteReader(Buffer.from(bytes));
      try {
        for (const call of calls) call(reader);
      } catch (error) {
        assert.ok(error instanceof MalformedFrame, String(error));
      }
      assert.ok(reader.remaining >= 0);
    }),
    { numRuns: 2000 },
  );
});

for (const [name, read] of READS)
  test(`an empty frame has no ${name}`, () => assert.throws(() => read(juteReader(Buffer.alloc(0))), MalformedFrame));

const int = (value: number) => juteWriter().int(value).bytes();
const REFUSED: readonly (readonly [string, Buffer, Read])[] = [
  ["a length below -1", int(-2), (reader) => reader.buffer()],
  ["a string longer than the frame", Buffer.concat([int(4), Buffer.from("abc")]), (reader) => reader.ustring()],
  ["a vector of two thousand million items", int(2 ** 31 - 1), (reader) => reader.vector(4, (item) => item.ustring())],
];
for (const [name, frame, read] of REFUSED)
  test(`${name} is refused`, () => assert.throws(() => read(juteReader(frame)), MalformedFrame));

test("null is read as empty", () => {
  assert.equal(juteReader(int(-1)).ustring(), "");
  assert.equal(juteReader(int(-1)).buffer().length, 0);
  assert.deepEqual(
    juteReader(int(-1)).vector(4, (item) => item.int()),
    [],
  );
});

test("text that is no UTF-8 is read with replacement characters", () => {
  const frame = juteWriter()
    .buffer(Buffer.from([0x61, 0xff, 0xed, 0xa0, 0x80]))
    .bytes();
  assert.match(juteReader(frame).ustring(), /^a\ufffd+$/);
});

test("a buffer is a copy of its own", () => {
  const frame = juteWriter().buffer(Buffer.from("abc")).bytes();
  const value = juteReader(frame).buffer();
  frame.fill(0);
  assert.equal(value.toString(), "abc");
});
