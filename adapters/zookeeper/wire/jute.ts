/**
 * The primitives of jute, ZooKeeper's serialization: big-endian integers, and everything of varying size behind a 32-bit
 * length (apache/zookeeper, `BinaryInputArchive.java` and `BinaryOutputArchive.java`).
 */

/** What was received is not what the protocol allows. The one error that reading bytes of a peer can throw. */
export class MalformedFrame extends Error {
  override readonly name = "MalformedFrame";
}

/** Reads one frame from its start to its end, and never past it: every method throws `MalformedFrame` instead. */
export interface JuteReader {
  int(): number;
  long(): bigint;
  bool(): boolean;
  /** A copy, so that a small value does not keep a large frame in memory. Null reads as empty. */
  buffer(): Buffer;
  /** UTF-8; what is not valid becomes U+FFFD, for a node of a hostile name must not cost the connection. Null reads as "". */
  ustring(): string;
  /** `minBytes`: the least that one item takes; a count that cannot fit is refused before anything is made of it. */
  vector<T>(minBytes: number, item: (reader: JuteReader) => T): T[];
  /** Bytes not read yet. */
  readonly remaining: number;
}

export function juteReader(frame: Buffer): JuteReader {
  let offset = 0;
  const take = (size: number): number => {
    if (size > frame.length - offset) throw new MalformedFrame(`${size} bytes expected, ${frame.length - offset} left`);
    const start = offset;
    offset += size;
    return start;
  };
  const int = () => frame.readInt32BE(take(4));
  /** -1 stands for null. */
  const length = () => {
    const size = int();
    if (size < -1) throw new MalformedFrame(`a length of ${size}`);
    return Math.max(size, 0);
  };
  const reader: JuteReader = {
    int,
    long: () => frame.readBigInt64BE(take(8)),
    bool: () => frame[take(1)] !== 0,
    buffer: () => {
      const size = length();
      const start = take(size);
      return Buffer.from(frame.subarray(start, start + size));
    },
    ustring: () => {
      const size = length();
      const start = take(size);
      return frame.toString("utf8", start, start + size);
    },
    vector: (minBytes, item) => {
      const count = length();
      if (count * minBytes > frame.length - offset) throw new MalformedFrame(`${count} items in ${frame.length - offset} bytes`);
      return Array.from({ length: count }, () => item(reader));
    },
    get remaining() {
      return frame.length - offset;
    },
  };
  return reader;
}

/** Collects the primitives of one record. Every method gives the writer back. */
export interface JuteWriter {
  int(value: number): JuteWriter;
  long(value: bigint): JuteWriter;
  bool(value: boolean): JuteWriter;
  buffer(value: Uint8Array): JuteWriter;
  ustring(value: string): JuteWriter;
  vector<T>(items: readonly T[], write: (writer: JuteWriter, item: T) => void): JuteWriter;
  /** What was written so far. */
  bytes(): Buffer;
}

export function juteWriter(): JuteWriter {
  const parts: Uint8Array[] = [];
  const fixed = (size: number, write: (part: Buffer) => void) => {
    const part = Buffer.allocUnsafe(size);
    write(part);
    parts.push(part);
    return writer;
  };
  const writer: JuteWriter = {
    int: (value) => fixed(4, (part) => part.writeInt32BE(value)),
    long: (value) => fixed(8, (part) => part.writeBigInt64BE(value)),
    bool: (value) => fixed(1, (part) => part.writeUInt8(value ? 1 : 0)),
    buffer: (value) => {
      writer.int(value.length);
      parts.push(value);
      return writer;
    },
    ustring: (value) => writer.buffer(Buffer.from(value, "utf8")),
    vector: (items, write) => {
      writer.int(items.length);
      for (const item of items) write(writer, item);
      return writer;
    },
    bytes: () => Buffer.concat(parts),
  };
  return writer;
}
