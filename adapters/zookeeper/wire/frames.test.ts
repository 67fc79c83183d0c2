import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frame, frameReader, MAX_FRAME_BYTES } from "./frames.ts";
import { MalformedFrame } from "./jute.ts";

const payload = fc.uint8Array({ maxLength: 100 });

/** Cuts the bytes into chunks of the given sizes, which are used again and again. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer, void, void> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield Buffer.from(bytes.subarray(at, at + size));
    at += size;
  }
}

test("frames come out as they went in, however the stream is cut", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 20 }), sizes, (payloads, cuts) => {
      const reader = frameReader();
      const stream = Buffer.concat(payloads.map((bytes) => frame(bytes)));
      const read = [...cut(stream, cuts)].flatMap((chunk) => [...reader.push(chunk)].map((bytes) => new Uint8Array(bytes)));
      assert.deepEqual(read, payloads);
      assert.equal(reader.held, 0);
    }),
  );
});

test("random bytes give frames or MalformedFrame, and never hold more than one frame", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (chunks) => {
      const reader = frameReader(1000);
      try {
        for (const chunk of chunks) for (const read of reader.push(Buffer.from(chunk))) assert.ok(read.length <= 1000);
      } catch (error) {
        assert.ok(error instanceof MalformedFrame, String(error));
      }
      assert.ok(reader.held <= 1004);
    }),
    { numRuns: 2000 },
  );
});

const header = (length: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
};
for (const length of [-1, -(2 ** 31), MAX_FRAME_BYTES + 1, 2 ** 31 - 1])
  test(`a frame of ${length} bytes is refused as soon as its length is known`, () => {
    assert.throws(() => [...frameReader().push(header(length))], new RegExp(`^MalformedFrame: a frame of ${length} bytes`));
  });

test("a frame of the largest size passes, byte for byte", () => {
  const bytes = Buffer.alloc(MAX_FRAME_BYTES, 7);
  const reader = frameReader();
  const read = [...cut(frame(bytes), [65_536])].flatMap((chunk) => [...reader.push(chunk)]);
  assert.equal(read.length, 1);
  assert.ok(read[0]?.equals(bytes));
});

test("a large frame in many small chunks costs each byte once", () => {
  const allocated = { bytes: 0 };
  const original = Buffer.allocUnsafe;
  const stream = frame(Buffer.alloc(1_000_000));
  const chunks = [...cut(stream, [100])];
  Buffer.allocUnsafe = (size) => {
    allocated.bytes += size;
    return original(size);
  };
  try {
    const reader = frameReader();
    for (const chunk of chunks) for (const read of reader.push(chunk)) assert.equal(read.length, 1_000_000);
  } finally {
    Buffer.allocUnsafe = original;
  }
  assert.equal(allocated.bytes, 1_000_000);
});

test("a request that the server would not take is refused", () => {
  assert.throws(() => frame(Buffer.alloc(11), 10), MalformedFrame);
});
