/**
 * The messages of one call, in and out, in one of two ways. The public way goes through grpc-js. The direct one reads and
 * writes the HTTP/2 stream under it, which spares a copy, two object streams and a promise a message (see
 * docs/explanation/decisions/0024-direct-http2-streams.md); status and cancellation stay with grpc-js. It is taken only
 * where everything it relies on is found, for those fields are private to grpc-js.
 */
import type { ServerHttp2Stream } from "node:http2";
import { Metadata, type ServerDuplexStream } from "@grpc/grpc-js";
import { createFrameReader, type FrameFault, PREFIX_BYTES } from "./frames.ts";
import type { Connection } from "./liveness.ts";
import { MAX_REQUEST_BYTES } from "./options.ts";
import { property } from "./property.ts";

export type Call = ServerDuplexStream<Buffer, Buffer>;

export interface MessageHandlers {
  /** Returns whether it wants more: after false nothing is delivered any longer. */
  onMessage(message: Buffer): boolean;
  /** The client has sent everything it will. */
  onEnd(): void;
  /** What comes cannot be read on. Only in the direct way: grpc-js ends such a call by itself. */
  onFault(fault: FrameFault): void;
}

export interface MessageStream {
  readonly direct: boolean;
  /** What the stream runs over; known in the direct way alone. */
  readonly connection: Connection | undefined;
  /** Starts to read. Until then nothing is delivered, and the client's flow-control window fills. */
  start(): void;
  /**
   * `frame` is a message after PREFIX_BYTES of its prefix, in pieces, which must stay as they are. False: the client does not
   * keep up; `onceDrained` calls when there is room again.
   */
  write(frame: readonly Uint8Array[]): boolean;
  onceDrained(listener: () => void): void;
}

/** `direct`: false keeps to grpc-js's public interface. */
export function messageStream(call: Call, handlers: MessageHandlers, direct: boolean): MessageStream {
  const http2Stream = direct ? http2StreamOf(call) : undefined;
  return http2Stream === undefined ? publicStream(call, handlers) : directStream(call, http2Stream, handlers);
}

function publicStream(call: Call, { onMessage, onEnd }: MessageHandlers): MessageStream {
  call.pause();
  let wanted = true;
  call.on("data", (message: Buffer) => {
    if (wanted) wanted = onMessage(message);
  });
  call.on("end", onEnd);
  return {
    direct: false,
    connection: undefined,
    start: () => call.resume(),
    write: (frame) => call.write(Buffer.concat(frame).subarray(PREFIX_BYTES)),
    onceDrained: (listener) => void call.once("drain", listener),
  };
}

function directStream(call: Call, stream: ServerHttp2Stream, { onMessage, onEnd, onFault }: MessageHandlers): MessageStream {
  const reader = createFrameReader(MAX_REQUEST_BYTES);
  // The only listener there is: grpc-js's own, which would decode the same bytes.
  stream.removeAllListeners("data");
  const onData = (bytes: Buffer) => {
    const fault = reader.take(bytes, onMessage);
    if (fault === undefined) return;
    stream.off("data", onData);
    onFault(fault);
  };
  let headersSent = false;
  return {
    direct: true,
    connection: stream.session,
    start() {
      stream.on("data", onData);
      stream.once("end", onEnd);
      stream.resume();
    },
    write(frame) {
      if (stream.destroyed || stream.writableEnded) return true;
      if (!headersSent) {
        headersSent = true;
        call.sendMetadata(new Metadata());
      }
      const [only] = frame;
      if (only !== undefined && frame.length === 1) return stream.write(only);
      let room = true;
      stream.cork();
      for (const piece of frame) room = stream.write(piece);
      stream.uncork();
      return room;
    },
    onceDrained: (listener) => void stream.once("drain", listener),
  };
}

/**
 * The HTTP/2 stream under a call that has just begun; undefined when this grpc-js is built otherwise, and for a client
 * that compresses its requests.
 */
function http2StreamOf(call: Call): ServerHttp2Stream | undefined {
  let at = property(call, "call");
  // Interceptors wrap the call, each in one more.
  for (let next = property(at, "nextCall"); next !== undefined; next = property(at, "nextCall")) at = next;
  const stream = property(at, "stream");
  if (property(at, "incomingEncoding") !== "identity" || !isHttp2Stream(stream)) return undefined;
  const untouched = stream.isPaused() && stream.listenerCount("data") === 1 && !stream.headersSent;
  return untouched ? stream : undefined;
}

function isHttp2Stream(value: unknown): value is ServerHttp2Stream {
  return ["write", "resume", "isPaused", "listenerCount", "respond"].every((name) => typeof property(value, name) === "function");
}
