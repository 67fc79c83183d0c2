/** Tokens of a ServiceAccount: they expire, and the account asks for its next one itself. */
import { isJsonObject, type Json, numberAt, textAt } from "../json/value.ts";
import type { Answer, ClusterClient } from "../kube/types.ts";
import type { Account } from "./rights.ts";

export interface TokenTimes {
  /** ms since the epoch. */
  readonly issuedAt: number;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

/**
 * From the token's own claims (RFC 7519), which are read and not verified: good enough to know when to ask for the next one,
 * no proof of anything. Undefined for tokens of another form, which may never expire. Pure.
 */
export function tokenTimes(token: string): TokenTimes | undefined {
  const claims = claimsOf(token);
  const [issued, expires] = [numberAt(claims, "iat"), numberAt(claims, "exp")];
  return issued === undefined || expires === undefined ? undefined : { issuedAt: issued * 1000, expiresAt: expires * 1000 };
}

/** The account that a token is of; undefined when it does not say. Pure. */
export function accountOf(token: string): Account | undefined {
  const [, , namespace, name] = textAt(claimsOf(token), "sub")?.split(":") ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

function claimsOf(token: string): Json | undefined {
  const [, claims] = token.split(".");
  if (claims === undefined) return undefined;
  try {
    const value = JSON.parse(Buffer.from(claims, "base64url").toString("utf8")) as Json;
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Its words would quote the token.
    return undefined;
  }
}

/** From two thirds of its life on: a failed renewal leaves a third of it to try again. Pure. */
export function isDue({ issuedAt, expiresAt }: TokenTimes, now: number): boolean {
  return now >= issuedAt + ((expiresAt - issuedAt) * 2) / 3;
}

/** TokenRequest (authentication.k8s.io/v1). The server may give it a shorter life than asked for, of at least 10 minutes. */
export async function requestToken(
  client: ClusterClient,
  { namespace, name }: Account,
  lifeMs: number,
  signal: AbortSignal,
): Promise<Answer<string>> {
  const body = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata: { name, namespace },
    spec: { expirationSeconds: Math.round(lifeMs / 1000) },
  };
  const of = { group: "", kind: "ServiceAccount", namespace, name };
  const answer = await client.create(body, { fieldManager: "meshbridge-join", subresource: "token", of }, signal);
  return "error" in answer ? answer : { value: textAt(answer.value, "status", "token") ?? "" };
}
