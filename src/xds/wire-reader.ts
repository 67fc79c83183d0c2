/**
 * Protobuf's wire format (protobuf.dev, "Encoding"), as far as requests need it: their fields are walked by hand, since the
 * generated decoder makes objects and calls a text decoder for each of the thousands of names that a client may send.
 */
import { FIXED32, FIXED64, LENGTH, VARINT } from "./wire-types.ts";

/** Gets the number of a field and the bounds of its content. */
export type FieldVisitor = (field: number, from: number, to: number) => void;

/**
 * Visits every length-delimited field of the message in `bytes[from, to)`, in order; fields of other kinds are passed over.
 * Throws RangeError for what is no message, groups included (proto3 has none); fields before the fault have been visited then.
 */
export function eachBytesField(bytes: Uint8Array, from: number, to: number, visit: FieldVisitor): void {
  const cursor: Cursor = { bytes, at: from, to };
  while (cursor.at < to) {
    const tag = varint(cursor);
    const field = Math.floor(tag / 8);
    if (field === 0) throw new RangeError(`no field has the number 0 (byte ${cursor.at})`);
    const kind = tag % 8;
    if (kind === LENGTH) {
      const length = varint(cursor);
      const start = cursor.at;
      advance(cursor, length);
      visit(field, start, cursor.at);
    } else if (kind === VARINT) varint(cursor);
    else if (kind === FIXED64) advance(cursor, 8);
    else if (kind === FIXED32) advance(cursor, 4);
    else throw new RangeError(`wire type ${kind} (byte ${cursor.at})`);
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  readonly to: number;
  at: number;
}

/** At most ten bytes; exact up to 2^53, and nothing above that is a length or a tag. */
function varint(cursor: Cursor): number {
  let value = 0;
  for (let count = 0, factor = 1; count < 10; count++, factor *= 0x80) {
    if (cursor.at >= cursor.to) break;
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
  throw new RangeError(`a number does not end (byte ${cursor.at})`);
}

function advance(cursor: Cursor, length: number): void {
  cursor.at += length;
  if (cursor.at > cursor.to) throw new RangeError(`a field is longer than its message by ${cursor.at - cursor.to} bytes`);
}
