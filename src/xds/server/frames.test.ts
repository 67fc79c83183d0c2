import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createFrameReader } from "./frames.ts";

function frame(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
}

test("property: messages come out as they went in, however the bytes are cut", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  fc.assert(
    fc.property(messages, fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(frame));
      const reader = createFrameReader(1000);
      const got: Buffer[] = [];
      for (let at = 0; at < bytes.byteLength; ) {
        const length = cuts.next().value ?? 1;
        assert.equal(
          reader.take(bytes.subarray(at, at + length), (message) => got.push(message) > 0),
          undefined,
        );
        at += length;
      }
      assert.deepEqual(got, sent.map(Buffer.from));
    }),
  );
});

test("a message above the limit is a fault by its prefix alone, whole or in pieces; so is a compressed one", () => {
  const large = Buffer.from([0, 0, 0, 4, 1]);
  const refuse = () => assert.fail("no message is whole");
  assert.equal(createFrameReader(1024).take(large, refuse), "too large");
  const pieces = createFrameReader(1024);
  assert.equal(pieces.take(large.subarray(0, 2), refuse), undefined);
  assert.equal(pieces.take(large.subarray(2), refuse), "too large");
  assert.equal(createFrameReader(1024).take(Buffer.from([1, 0, 0, 0, 0]), refuse), "compressed");
});

test("after a message that is the last wanted, none is delivered", () => {
  const got: string[] = [];
  const both = Buffer.concat([frame(Buffer.from("a")), frame(Buffer.from("b"))]);
  createFrameReader(10).take(both, (message) => got.push(message.toString()) < 1);
  assert.deepEqual(got, ["a"]);
});
