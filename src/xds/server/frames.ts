/** gRPC's length-prefixed messages (grpc PROTOCOL-HTTP2, "Length-Prefixed-Message"): a flag byte and four of length. */

/** What comes before each message. */
export const PREFIX_BYTES = 5;

/** Why a stream of frames cannot be read on. */
export type FrameFault = "compressed" | "too large";

export interface FrameReader {
  /**
   * Takes the next bytes and hands over each message they complete, in order, until `deliver` returns false. A message
   * that came in one piece is a view of these bytes, not a copy. Returns why nothing more can be read, if so.
   */
  take(bytes: Buffer, deliver: (message: Buffer) => boolean): FrameFault | undefined;
}

/** Holds at most one unfinished message, never above `maxBytes`. Compressed messages are a fault. */
export function createFrameReader(maxBytes: number): FrameReader {
  let parts: Buffer[] = [];
  let held = 0;
  return {
    take(bytes, deliver) {
      let rest = bytes;
      if (held > 0) {
        parts.push(bytes);
        held += bytes.byteLength;
        // Joined only once a message may be whole: many small pieces must not be copied again for each.
        const size = held < PREFIX_BYTES ? undefined : sizeIn(parts);
        if (size !== undefined && size > maxBytes) return "too large";
        if (size === undefined || held < PREFIX_BYTES + size) return undefined;
        rest = Buffer.concat(parts, held);
        parts = [];
        held = 0;
      }
      while (rest.byteLength >= PREFIX_BYTES) {
        if (rest[0] !== 0) return "compressed";
        const size = rest.readUInt32BE(1);
        if (size > maxBytes) return "too large";
        const end = PREFIX_BYTES + size;
        if (rest.byteLength < end) break;
        if (!deliver(rest.subarray(PREFIX_BYTES, end))) return undefined;
        rest = rest.subarray(end);
      }
      if (rest.byteLength > 0) {
        parts = [rest];
        held = rest.byteLength;
      }
      return undefined;
    },
  };
}

/** The length in the prefix of what is held. */
function sizeIn(parts: Buffer[]): number {
  const [first] = parts;
  if (first !== undefined && first.byteLength >= PREFIX_BYTES) return first.readUInt32BE(1);
  const joined = Buffer.concat(parts);
  parts.splice(0, parts.length, joined);
  return joined.readUInt32BE(1);
}
