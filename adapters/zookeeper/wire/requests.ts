/**
 * The requests under way on one connection: numbered, sent at most so many at a time, and matched with the answers, which
 * come in the order of the requests.
 */
import type { Clock } from "../../../src/kernel/clock.ts";
import { CODE, codeName } from "../codes.ts";
import { SessionExpired } from "../connection.ts";
import { AuthFailed } from "../ends.ts";
import type { Channel } from "./channel.ts";
import { type JuteReader, juteReader, MalformedFrame } from "./jute.ts";
import { decodeReplyHeader, decodeWatcherEvent, type Encode, type WatcherRecord, XID } from "./records.ts";

/** As many as a server works on at once by default (`globalOutstandingLimit`). */
export const MAX_IN_FLIGHT = 1000;
const MAX_XID = 2 ** 31 - 1;

/** With these the server says that it is not the one to ask any more. */
const ENDING: ReadonlySet<number> = new Set([CODE.sessionMoved, CODE.sessionClosed]);

/** What to make of an answer; what it throws is the request's failure, or, as `MalformedFrame`, the connection's. */
export type Answer<T> = (code: number, reader: JuteReader) => T;

interface Pending {
  readonly encode: Encode;
  /** Set when it is sent. */
  xid: number;
  /** Throws `MalformedFrame` alone, and has not settled the request then. */
  readonly settle: (code: number, reader: JuteReader) => void;
  readonly reject: (error: unknown) => void;
}

export interface Requests {
  /** Rejects with `refuse`'s error once there is one. */
  send<T>(encode: Encode, answer: Answer<T>): Promise<T>;
  /** No more are accepted, and those not sent yet are given up; `last` is sent at once. */
  finish(last: Encode, refused: Error): Promise<void>;
  /** Sends credentials; resolves when the server has accepted them, else the connection ends. */
  authenticate(packet: Buffer): Promise<void>;
  /** Rejects all that are under way, and all that come. */
  refuse(error: Error): void;
  /** Takes one frame. Throws what ends the connection. */
  receive(frame: Buffer): void;
  /** Since when the oldest request has been waiting for its turn to move on; undefined: none is under way. */
  readonly waitingSince: number | undefined;
}

export interface RequestsOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  /** Called in the order of the frames, hence before the answers that follow. */
  readonly onWatch: (record: WatcherRecord) => void;
  /** Called with the number of every change the server tells of. */
  readonly onZxid: (zxid: bigint) => void;
  readonly maxInFlight?: number;
}

export function createRequests({ channel, clock, onWatch, onZxid, maxInFlight = MAX_IN_FLIGHT }: RequestsOptions): Requests {
  const inFlight: Pending[] = [];
  const waiting = new Set<Pending>();
  const authenticating: (() => void)[] = [];
  let refused: Error | undefined;
  let lastXid = 0;
  let movedAt = 0;

  const sendNow = (pending: Pending) => {
    lastXid = (lastXid % MAX_XID) + 1;
    pending.xid = lastXid;
    try {
      channel.send(pending.encode(pending.xid));
    } catch (error) {
      pending.reject(error); // Too large: the server has seen nothing of it.
      return;
    }
    if (inFlight.length === 0) movedAt = clock.monotonic();
    inFlight.push(pending);
  };
  const sendWaiting = () => {
    for (const pending of waiting) {
      if (inFlight.length >= maxInFlight) return;
      waiting.delete(pending);
      sendNow(pending);
    }
  };
  const enqueue = <T>(encode: Encode, answer: Answer<T>, add: (pending: Pending) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = (code: number, reader: JuteReader) => {
        try {
          resolve(answer(code, reader));
        } catch (error) {
          if (error instanceof MalformedFrame) throw error;
          reject(error);
        }
      };
      add({ encode, xid: 0, settle, reject });
    });

  const receiveReply = (xid: number, code: number, reader: JuteReader) => {
    const pending = inFlight[0];
    if (pending?.xid !== xid) throw new MalformedFrame(`an answer to request ${xid}, not to ${pending?.xid ?? "any"}`);
    pending.settle(code, reader);
    inFlight.shift();
    movedAt = clock.monotonic();
    sendWaiting();
  };
  const receiveAuth = (code: number) => {
    if (code !== CODE.ok) throw new AuthFailed(code);
    authenticating.shift()?.();
  };

  return {
    async send(encode, answer) {
      if (refused !== undefined) throw refused;
      return enqueue(encode, answer, (pending) => {
        waiting.add(pending);
        sendWaiting();
      });
    },
    async finish(last, error) {
      if (refused !== undefined) throw refused;
      refused = error;
      for (const { reject } of waiting) reject(error);
      waiting.clear();
      await enqueue(last, () => undefined, sendNow);
    },
    authenticate: (packet) =>
      new Promise((resolve) => {
        authenticating.push(resolve);
        channel.send(packet);
      }),
    refuse(error) {
      refused = error;
      for (const { reject } of [...inFlight.splice(0), ...waiting]) reject(error);
      waiting.clear();
    },
    receive(frame) {
      const reader = juteReader(frame);
      const { xid, zxid, error } = decodeReplyHeader(reader);
      if (zxid > 0n) onZxid(zxid);
      if (xid === XID.watchEvent) return onWatch(decodeWatcherEvent(reader));
      if (xid === XID.auth) return receiveAuth(error);
      if (error === CODE.sessionExpired) throw new SessionExpired();
      if (ENDING.has(error)) throw new Error(`the server answered ${codeName(error)}`);
      if (xid !== XID.ping) receiveReply(xid, error, reader);
    },
    get waitingSince() {
      return inFlight.length === 0 ? undefined : movedAt;
    },
  };
}
