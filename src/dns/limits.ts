/**
 * What one source may ask over UDP, where a source is whoever a packet says it is from: a flood in a victim's name must not
 * become a flood of answers to it. Loopback cannot be forged from outside and has no limit.
 */
import ipaddr from "ipaddr.js";

export type Verdict =
  | "answer"
  /** Truncated and empty: who is there comes over TCP, and who is not gets no more than was sent in its name. */
  | "slip"
  | "drop";

export interface SourceLimits {
  verdict(source: string, nowMs: number): Verdict;
}

export interface SourceLimitOptions {
  /** Per second and source; bursts of as many again. */
  readonly queriesPerSecond: number;
}

/** So many sources are remembered; who has been silent the longest is forgotten. */
const MAX_SOURCES = 20_000;
/** Every so-manieth query above the limit is told to come over TCP. */
const SLIP = 2;

interface Bucket {
  tokens: number;
  at: number;
  over: number;
}

export function createSourceLimits({ queriesPerSecond }: SourceLimitOptions): SourceLimits {
  const burst = queriesPerSecond * 2;
  const buckets = new Map<string, Bucket>();
  return {
    verdict(source, nowMs) {
      const key = sourceKey(source);
      if (key === undefined) return "answer";
      const bucket = buckets.get(key) ?? { tokens: burst, at: nowMs, over: 0 };
      // Taken out and put in again, so that the first of the map is the one longest silent.
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > MAX_SOURCES) for (const oldest of buckets.keys()) if (buckets.delete(oldest)) break;
      bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.at) / 1000) * queriesPerSecond);
      bucket.at = nowMs;
      if (bucket.tokens >= 1) {
        bucket.tokens--;
        bucket.over = 0;
        return "answer";
      }
      bucket.over++;
      return bucket.over % SLIP === 0 ? "slip" : "drop";
    },
  };
}

/** An IPv4 /24 or an IPv6 /56: who owns one address owns its neighbours. Undefined: this machine. */
export function sourceKey(source: string): string | undefined {
  if (source.startsWith("127.") || source === "::1" || source.startsWith("::ffff:127.")) return undefined;
  if (!source.includes(":")) return source.slice(0, source.lastIndexOf("."));
  const address = ipaddr.process(source.split("%")[0] ?? source);
  if (address.kind() === "ipv4") return address.toString().split(".").slice(0, 3).join(".");
  return address.toByteArray().slice(0, 7).join(":");
}
