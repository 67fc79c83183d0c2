import assert from "node:assert/strict";
import { test } from "node:test";
import { LENGTH, VARINT } from "./wire-types.ts";
import { tag, wireEncoder } from "./wire-writer.ts";

const [ONE, TWO] = [tag(1, LENGTH), tag(2, LENGTH)];

/** `{ 1: { 1: <text>, 2: 7 } }`, backwards. */
function message(text: string): Uint8Array {
  return wireEncoder.encode((writer) => {
    const end = writer.end();
    writer.uint32(tag(2, VARINT), 7);
    writer.text(ONE, text);
    writer.length(ONE, end);
  });
}

test("fields stand in the reverse of the order in which they are written, before them their length", () => {
  assert.deepEqual([...message("ab")], [0x0a, 6, 0x0a, 2, 0x61, 0x62, 0x10, 7]);
});

test("a message made while another is written is in neither's way", () => {
  const outer = wireEncoder.encode((writer) => {
    writer.text(TWO, "after");
    writer.encoded(message("x".repeat(100_000)));
    writer.text(TWO, "before");
  });
  const expected = [0x12, 6, ...Buffer.from("before"), ...message("x".repeat(100_000)), 0x12, 5, ...Buffer.from("after")];
  assert.deepEqual(Buffer.from(outer), Buffer.from(expected));
});

test("what follows a message counts in its length", () => {
  const header = wireEncoder.encode((writer) => writer.length(ONE, writer.end(300)));
  assert.deepEqual([...header], [0x0a, 0xac, 0x02]);
});

test("what throws leaves nothing behind", () => {
  const before = message("ab");
  assert.throws(() => wireEncoder.encode((writer) => writer.uint32(tag(3, VARINT), 1.5)), RangeError);
  assert.throws(
    () =>
      wireEncoder.encode((writer) => {
        writer.text(ONE, "y".repeat(2_000_000));
        throw new Error("no");
      }),
    /^Error: no$/,
  );
  assert.deepEqual(message("ab"), before);
});
