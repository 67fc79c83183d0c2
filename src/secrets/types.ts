/** Secrets as the configuration names them, and how their content comes in. Plain data. */
import type { TlsMaterial } from "../model/tls-material.ts";

/** Absolute paths: a pair, authorities, or both. */
export interface SecretFiles {
  readonly kind: "files";
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly caFile: string | undefined;
}

/** A folder in which a well-known program keeps a pair and, perhaps, authorities. */
export interface SecretDirectory {
  readonly kind: "directory";
  /** Absolute. */
  readonly path: string;
}

/** Somewhere else, with its own way to be followed. */
export interface SecretElsewhere {
  readonly kind: "elsewhere";
  /** Everything that decides what is followed, as comparable text. */
  readonly key: string;
  follow(signal: AbortSignal): AsyncIterable<SecretReading>;
}

export type SecretOrigin = SecretFiles | SecretDirectory | SecretElsewhere;

/** Who may have a secret that no resource of theirs names: every part that is given must be equal. */
export interface SecretClient {
  readonly role: string | undefined;
  /** Name of the gateway. */
  readonly gateway: string | undefined;
  readonly namespace: string | undefined;
  readonly cluster: string | undefined;
}

export interface SecretSpec {
  readonly name: string;
  readonly origin: SecretOrigin;
  readonly clients: readonly SecretClient[];
}

/** What one look at the origin gave. `reason` is for people and names no content. */
export type SecretReading = { readonly material: TlsMaterial } | { readonly reason: string };
