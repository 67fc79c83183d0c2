/**
 * Addresses of instances that gave a host name. Answers are kept and asked for again now and then; while nobody answers,
 * the last address stands. Never waited for: whoever asks too early is told so, and told again when it is known.
 */
import { isIP } from "node:net";
import type { Clock } from "./clock.ts";
import { compareText } from "./compare.ts";
import { reasonOf } from "./errors.ts";

/** All addresses of a host; rejects when there is no answer, with `code` ENOTFOUND or ENODATA when there is no such host. */
export type Lookup = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

export type Resolution =
  | { readonly address: string }
  /** `doubtful`: nobody answered, so it proves nothing. */
  | { readonly reason: string; readonly doubtful: boolean }
  /** It is being asked for. */
  | "pending";

export interface Resolver {
  /** What is known of the host; begins to ask for it when nothing is. IP literals are their own address. */
  get(host: string): Resolution;
  /** Asks again for what is old, and forgets hosts that are none of these any more. */
  refresh(used: ReadonlySet<string>): void;
  /** Hosts of which something else is known than before, since the last call. */
  takeChanged(): ReadonlySet<string>;
  /** Ms until some host is to be asked for again; undefined: there is none. */
  dueInMs(): number | undefined;
}

export interface ResolverOptions {
  /** Undefined: host names are not resolved at all. */
  readonly lookup: Lookup | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called when `takeChanged` has something. */
  readonly onChange: () => void;
}

/** How long an answer counts: long enough to spare the name server, short enough to follow a host that moved. */
export const REFRESH_MS = 30_000;
const ANSWER_WITHIN_MS = 5000;
/** Questions under way at once. */
const PARALLEL = 16;
const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?$/;

const NOT_RESOLVED: Resolution = { reason: "it has a host name, and `resolve` is off", doubtful: false };

interface Entry {
  resolution: Resolution;
  askedAt: number;
  asking: boolean;
}

/** Its questions end with the signal. */
export function createResolver({ lookup, clock, signal, onChange }: ResolverOptions): Resolver {
  const entries = new Map<string, Entry>();
  const waiting: string[] = [];
  let changed = new Set<string>();
  let underWay = 0;

  const conclude = (host: string, answer: Resolution) => {
    underWay--;
    askNext();
    const entry = entries.get(host);
    if (entry === undefined) return;
    entry.asking = false;
    entry.askedAt = clock.monotonic();
    // Stale beats wrong: without an answer the address of the last one stands.
    if (sameResolution(entry.resolution, answer) || (isAddress(entry.resolution) && !isAddress(answer))) return;
    entry.resolution = answer;
    changed.add(host);
    onChange();
  };

  const ask = async (host: string, look: Lookup): Promise<Resolution> => {
    const known = entries.get(host)?.resolution;
    const over = new AbortController();
    const limit = AbortSignal.any([signal, over.signal]);
    const deadline = clock.sleep(ANSWER_WITHIN_MS, limit).then(() => {
      throw new Error(`no answer within ${ANSWER_WITHIN_MS} ms`);
    });
    try {
      const addresses = (await Promise.race([look(host, limit), deadline])).toSorted(compareText);
      const kept = addresses.find((address) => isAddress(known) && known.address === address);
      const address = kept ?? addresses.find((one) => isIP(one) === 4) ?? addresses[0];
      return address === undefined ? noSuchHost(host) : { address };
    } finally {
      over.abort();
    }
  };

  const askNext = () => {
    while (underWay < PARALLEL && !signal.aborted) {
      const host = waiting.shift();
      if (host === undefined || lookup === undefined) return;
      underWay++;
      ask(host, lookup).then(
        (resolution) => conclude(host, resolution),
        (error: unknown) => conclude(host, withoutAnswer(host, error)),
      );
    }
  };

  return {
    get(host) {
      if (isIP(host) !== 0) return { address: host };
      if (!HOST.test(host)) return { reason: "it has neither an IP address nor a host name", doubtful: false };
      if (lookup === undefined) return NOT_RESOLVED;
      const known = entries.get(host);
      if (known !== undefined) return known.resolution;
      entries.set(host, { resolution: "pending", askedAt: clock.monotonic(), asking: true });
      waiting.push(host);
      askNext();
      return "pending";
    },
    refresh(used) {
      for (const [host, entry] of entries)
        if (!used.has(host)) entries.delete(host);
        else if (!entry.asking && clock.monotonic() - entry.askedAt >= REFRESH_MS) {
          entry.asking = true;
          waiting.push(host);
        }
      askNext();
    },
    takeChanged() {
      const taken = changed;
      changed = new Set();
      return taken;
    },
    dueInMs() {
      let earliest = Number.POSITIVE_INFINITY;
      for (const { askedAt, asking } of entries.values()) if (!asking) earliest = Math.min(earliest, askedAt);
      return earliest === Number.POSITIVE_INFINITY ? undefined : Math.max(0, earliest + REFRESH_MS - clock.monotonic());
    },
  };
}

function sameResolution(a: Resolution, b: Resolution): boolean {
  if (a === "pending" || b === "pending") return a === b;
  if ("address" in a && "address" in b) return a.address === b.address;
  return "reason" in a && "reason" in b && a.reason === b.reason;
}

function noSuchHost(host: string): Resolution {
  return { reason: `its host ${host} is not known to the name server`, doubtful: false };
}

function withoutAnswer(host: string, error: unknown): Resolution {
  const notFound = error instanceof Error && "code" in error && (error.code === "ENOTFOUND" || error.code === "ENODATA");
  return notFound ? noSuchHost(host) : { reason: `its host ${host} was not resolved: ${reasonOf(error)}`, doubtful: true };
}

function isAddress(resolution: Resolution | undefined): resolution is { readonly address: string } {
  return typeof resolution === "object" && "address" in resolution;
}
