/** Verdicts on tokens, kept for a while by the token's hash: thousands of clients that reconnect must not ask thousands of times. */
import { createHash } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { fail } from "../model/errors.ts";

/** A service account; undefined: the token proves nothing. */
export type Verdict = { readonly namespace: string; readonly name: string } | undefined;

export interface TokenCacheOptions {
  readonly clock: Clock;
  /** Asks whoever knows; a rejection is nobody's verdict and is not kept. */
  review(token: string): Promise<Verdict>;
}

/** A good verdict holds for so long, and never longer than the token itself: what is revoked counts after it at the latest. */
const GOOD_MS = 5 * 60_000;
/** A bad one: the account may be made a moment later. */
const BAD_MS = 10_000;
const MAX_KEPT = 10_000;
/** New tokens looked into at the same time; the others are told to come again. */
const MAX_ASKED = 50;
/** Longer than any token of a service account. */
const MAX_TOKEN_LENGTH = 16_384;

interface Kept {
  readonly verdict: Verdict;
  readonly until: number;
}

/** The same token is asked for once at a time. Rejects with MB_XDS_TOKEN_UNCHECKED when it cannot be looked into now. */
export function createTokenCache({ clock, review }: TokenCacheOptions): (token: string) => Promise<Verdict> {
  const kept = new Map<string, Kept>();
  const asking = new Map<string, Promise<Verdict>>();

  const ask = async (token: string, key: string): Promise<Verdict> => {
    try {
      const verdict = await review(token);
      const until = verdict === undefined ? clock.now() + BAD_MS : Math.min(clock.now() + GOOD_MS, expiryOf(token));
      kept.delete(key);
      kept.set(key, { verdict, until });
      const [oldest] = kept.keys();
      if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
      return verdict;
    } finally {
      asking.delete(key);
    }
  };

  return async (token) => {
    if (token.length > MAX_TOKEN_LENGTH) return undefined;
    const key = createHash("sha256").update(token).digest("base64");
    const known = kept.get(key);
    if (known !== undefined && clock.now() < known.until) return known.verdict;
    const running = asking.get(key);
    if (running !== undefined) return await running;
    if (asking.size >= MAX_ASKED) throw fail("MB_XDS_TOKEN_UNCHECKED", { reason: "too many are looked into at the moment" });
    const question = ask(token, key);
    asking.set(key, question);
    return await question;
  };
}

/** When the token ends by its own word (`exp` of a JWT), in wall-clock ms; whoever reviewed it has checked that word. */
function expiryOf(token: string): number {
  try {
    const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as {
      readonly exp?: unknown;
    };
    if (typeof payload.exp === "number") return payload.exp * 1000;
  } catch {
    // No JWT: it says nothing of its end.
  }
  return Number.POSITIVE_INFINITY;
}
