/** Counts what clients ask, from what goes over their connections. */
import type { Tap } from "../../test/support/fault-proxy.ts";

export interface RequestCounter {
  readonly tap: Tap;
  readonly count: number;
}

/** HTTP/1.1 without pipelining: a request begins with what is sent after an answer, so each begins a chunk. */
export function countHttp(): RequestCounter {
  let count = 0;
  return {
    tap(_, chunk) {
      if (/^(GET|PUT|POST|DELETE) \//.test(chunk.subarray(0, 16).toString("latin1"))) count++;
    },
    get count() {
      return count;
    },
  };
}

/** ZooKeeper's frames, each behind its length in four bytes: the handshake, requests, and pings. */
export function countZooKeeper(): RequestCounter {
  let count = 0;
  const rests = new Map<number, Buffer>();
  return {
    tap(connection, chunk) {
      let rest = Buffer.concat([rests.get(connection) ?? Buffer.alloc(0), chunk]);
      for (let end = frameEnd(rest); end <= rest.length; end = frameEnd(rest)) {
        count++;
        rest = rest.subarray(end);
      }
      rests.set(connection, rest);
    },
    get count() {
      return count;
    },
  };
}

function frameEnd(bytes: Buffer): number {
  return bytes.length < 4 ? Number.POSITIVE_INFINITY : 4 + bytes.readInt32BE(0);
}
