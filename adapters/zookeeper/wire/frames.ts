/**
 * Frames of ZooKeeper's protocol: a 32-bit length and as many bytes. Work is linear in the bytes, however they are cut, and
 * no more than one frame is ever held back.
 */
import { MalformedFrame } from "./jute.ts";

/** Four times what a server accepts by default (`jute.maxbuffer`), for a list of children may be longer than that. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
const LENGTH_BYTES = 4;

export interface FrameReader {
  /**
   * The frames that end within the chunk, in order. A frame may share its memory with the chunk.
   * @throws MalformedFrame for a length that is negative or above the limit; nothing may be pushed after that.
   */
  push(chunk: Buffer): Generator<Buffer, void, void>;
  /** Bytes of a frame that has not ended yet. */
  readonly held: number;
}

export function frameReader(maxBytes = MAX_FRAME_BYTES): FrameReader {
  const header = Buffer.alloc(LENGTH_BYTES);
  let headerFilled = 0;
  let body: Buffer | undefined;
  let bodyFilled = 0;

  /** Takes what the header still lacks from the chunk; gives the place after it. */
  const readHeader = (chunk: Buffer, at: number): number => {
    const copied = chunk.copy(header, headerFilled, at, at + LENGTH_BYTES - headerFilled);
    headerFilled += copied;
    return at + copied;
  };
  const frameLength = (): number => {
    const length = header.readInt32BE();
    if (length < 0) throw new MalformedFrame(`a frame of ${length} bytes`);
    if (length > maxBytes) throw new MalformedFrame(`a frame of ${length} bytes; the limit is ${maxBytes}`);
    return length;
  };

  function* push(chunk: Buffer): Generator<Buffer, void, void> {
    let at = 0;
    while (at < chunk.length) {
      if (body === undefined) {
        at = readHeader(chunk, at);
        if (headerFilled < LENGTH_BYTES) return;
        const length = frameLength();
        if (length <= chunk.length - at) {
          headerFilled = 0;
          yield chunk.subarray(at, at + length);
          at += length;
          continue;
        }
        body = Buffer.allocUnsafe(length);
        bodyFilled = 0;
      }
      const copied = chunk.copy(body, bodyFilled, at);
      bodyFilled += copied;
      at += copied;
      if (bodyFilled < body.length) return;
      const frame = body;
      body = undefined;
      headerFilled = 0;
      yield frame;
    }
  }

  return {
    push,
    get held() {
      return headerFilled + (body === undefined ? 0 : bodyFilled);
    },
  };
}

/**
 * A frame around the payload.
 * @throws MalformedFrame above the limit: the server would end the connection for it.
 */
export function frame(payload: Uint8Array, maxBytes = MAX_FRAME_BYTES): Buffer {
  if (payload.length > maxBytes) throw new MalformedFrame(`a request of ${payload.length} bytes; the limit is ${maxBytes}`);
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + payload.length);
  bytes.writeInt32BE(payload.length);
  bytes.set(payload, LENGTH_BYTES);
  return bytes;
}
