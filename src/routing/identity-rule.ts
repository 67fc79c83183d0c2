/** Ties what a client has proved to what it may be; said by the configuration, judged by `src/xds/identity.ts`. */
import type { Role } from "./client.ts";

/**
 * Exactly one of the three patterns is given, and the rest says what whoever fits it may be. In patterns `*` never goes
 * beyond a `/` (of DNS names: a dot).
 */
export interface IdentityRule {
  readonly spiffe: string | undefined;
  readonly dns: string | undefined;
  /** `namespace/name`. */
  readonly serviceAccount: string | undefined;
  readonly role: Role;
  /** Everything below: undefined is any. `{namespace}` stands for what `{namespace}` of the pattern matched. */
  readonly gateway: string | undefined;
  readonly namespace: string | undefined;
  readonly cluster: string | undefined;
  /** The node's id; `*` is any text. */
  readonly node: string | undefined;
}
