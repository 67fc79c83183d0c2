/**
 * Writes protobuf from the last byte to the first: by the time a length has to be written, what it is the length of is there,
 * so nothing is measured beforehand or moved afterwards. Fields are given in the reverse of the order they shall stand in.
 */
import type { FIXED64, LENGTH, VARINT } from "./wire-types.ts";

/** Of 32 bits. */
const MAX_VARINT_BYTES = 5;
/** Of one UTF-16 unit as UTF-8. */
const MAX_UNIT_BYTES = 3;
const FIRST_BYTES = 16 * 1024;
/** Memory that a large message has made larger than this is not kept for the next. */
const KEPT_BYTES = 1024 * 1024;

const utf8 = new TextEncoder();

/** What stands before a field's value. */
export function tag(field: number, type: typeof VARINT | typeof FIXED64 | typeof LENGTH): number {
  return (field << 3) | type;
}

export interface WireWriter {
  /**
   * Where what is written next will end: to be given to `length` when all of it is written. `following`: so many bytes
   * more belong to it, which come after all that is written here.
   */
  end(following?: number): number;
  /** The tag of a length-delimited field, and the length of all that was written since `end`. */
  length(tag: number, end: number): void;
  /** A length-delimited field. Half a surrogate pair becomes U+FFFD, as TextEncoder has it. */
  text(tag: number, value: string): void;
  /** Throws a RangeError for what is no unsigned integer of 32 bits, as the generated code does. */
  uint32(tag: number, value: number): void;
  double(tag: number, value: number): void;
  /** Fields that were encoded before. */
  encoded(fields: Uint8Array): void;
}

export interface WireEncoder {
  /** What `write` writes, in memory of its own. When `write` throws, so does this. */
  encode(write: (writer: WireWriter) => void): Uint8Array;
}

/** Its memory is used again by one message after the other. */
export const wireEncoder = createWireEncoder();

function createWireEncoder(): WireEncoder {
  let buffer = new Uint8Array(FIRST_BYTES);
  /** The first byte that is written. */
  let at = buffer.byteLength;

  const reserve = (size: number) => {
    if (size > at) grow(size);
  };

  const grow = (size: number) => {
    const written = buffer.byteLength - at;
    const next = new Uint8Array(Math.max(2 * buffer.byteLength, written + size));
    next.set(buffer.subarray(at), next.byteLength - written);
    buffer = next;
    at = next.byteLength - written;
  };

  /** Room for it has been made. */
  const varint = (value: number) => {
    if (value < 0x80) {
      buffer[--at] = value;
      return;
    }
    at -= value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
    let place = at;
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) buffer[place++] = (rest & 0x7f) | 0x80;
    buffer[place] = rest;
  };

  const writer: WireWriter = {
    end: (following = 0) => at - buffer.byteLength + following,
    length(tag, end) {
      reserve(2 * MAX_VARINT_BYTES);
      varint(end + buffer.byteLength - at);
      varint(tag);
    },
    text(tag, value) {
      const { length } = value;
      reserve(MAX_UNIT_BYTES * length + 2 * MAX_VARINT_BYTES);
      const bytes = buffer;
      const start = at - length;
      let size = length;
      for (let i = 0; i < length; i++) {
        const unit = value.charCodeAt(i);
        if (unit > 0x7f) {
          size = Buffer.byteLength(value);
          utf8.encodeInto(value, bytes.subarray(at - size, at));
          break;
        }
        bytes[start + i] = unit;
      }
      at -= size;
      varint(size);
      varint(tag);
    },
    uint32(tag, value) {
      if (value >>> 0 !== value) throw new RangeError(`no uint32: ${value}`);
      reserve(2 * MAX_VARINT_BYTES);
      varint(value);
      varint(tag);
    },
    double(tag, value) {
      reserve(8 + MAX_VARINT_BYTES);
      at -= 8;
      new DataView(buffer.buffer).setFloat64(at, value, true);
      varint(tag);
    },
    encoded(fields) {
      reserve(fields.byteLength);
      at -= fields.byteLength;
      buffer.set(fields, at);
    },
  };
  return {
    encode(write) {
      // Not 0 where `write` of another message calls this: what that has written so far stays.
      const end = writer.end();
      try {
        write(writer);
        return buffer.slice(at, buffer.byteLength + end);
      } finally {
        if (end === 0 && buffer.byteLength > KEPT_BYTES) buffer = new Uint8Array(FIRST_BYTES);
        at = buffer.byteLength + end;
      }
    },
  };
}

/** As proto3 has it for text outside of a `oneof`. */
export function textUnlessEmpty(writer: WireWriter, field: number, text: string): void {
  if (text !== "") writer.text(field, text);
}
