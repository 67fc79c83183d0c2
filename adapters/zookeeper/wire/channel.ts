/** Frames to and from one server over a byte stream, and the one end that a stream has, whatever brings it about. */
import type { Duplex } from "node:stream";
import type { Clock } from "../../../src/kernel/clock.ts";
import { ConnectionClosed } from "../ends.ts";
import { frame, frameReader } from "./frames.ts";

export interface Channel {
  /** Takes the frames, one by one and in order. What it throws is the channel's end. */
  receive: (frame: Buffer) => void;
  /**
   * Sends what was sent within one turn of the event loop in one piece. Does nothing after the end.
   * @throws MalformedFrame when the payload is too large.
   */
  send(payload: Buffer): void;
  /** When bytes came last, by the monotonic clock; at first, when the channel was opened. */
  readonly heardAt: number;
  /** Ends it; whatever comes first counts, all else is ignored. */
  end(reason: unknown): void;
  /** Aborts at the end, with its reason. */
  readonly over: AbortSignal;
}

/** Takes the stream over; nobody else may touch it. Its errors are always caught. */
export function openChannel(socket: Duplex, clock: Clock): Channel {
  const reader = frameReader();
  const over = new AbortController();
  let heardAt = clock.monotonic();
  let corked = false;

  const end = (reason: unknown) => {
    if (over.signal.aborted) return;
    over.abort(reason);
    socket.destroy();
  };
  const onData = (chunk: Buffer) => {
    heardAt = clock.monotonic();
    try {
      for (const received of reader.push(chunk)) {
        if (over.signal.aborted) return;
        channel.receive(received);
      }
    } catch (error) {
      end(error);
    }
  };
  const flush = () => {
    corked = false;
    socket.uncork();
  };

  const channel: Channel = {
    receive: () => {
      throw new Error("a frame that nobody waits for");
    },
    send(payload) {
      const bytes = frame(payload);
      if (over.signal.aborted) return;
      if (!corked) {
        corked = true;
        socket.cork();
        process.nextTick(flush);
      }
      socket.write(bytes);
    },
    get heardAt() {
      return heardAt;
    },
    end,
    over: over.signal,
  };

  const closed = (error?: Error | null) => end(new ConnectionClosed(error?.message));
  socket.on("error", closed);
  socket.on("end", () => closed());
  socket.on("close", () => closed());
  socket.on("data", onData);
  return channel;
}
