/** What is known of one registry's health, for API, CLI and metrics. */
import type { SuspectReason } from "../model/evidence.ts";
import type { ServiceId } from "../model/service.ts";
import type { Source } from "../model/source.ts";
import type { Rejection } from "./adapter.ts";

/**
 * `init`: not started; `syncing`: its first full set is not in; `live`: current as far as it told us;
 * `suspect`: it answers, but not with proof (something may be held); `stale`: it cannot be read, what it said stands.
 */
export type RegistryState = "init" | "syncing" | "live" | "suspect" | "stale";

export interface RegistryStatus {
  readonly name: string;
  readonly kind: string;
  readonly state: RegistryState;
  /** Why it is suspect. */
  readonly suspectReason: SuspectReason | undefined;
  /** Wall-clock ms since the epoch; undefined: never. */
  readonly lastSyncAt: number | undefined;
  readonly services: number;
  readonly instances: number;
  readonly held: number;
  readonly rejected: number;
  readonly events: number;
  readonly lastError: { readonly code: string; readonly message: string; readonly next: string; readonly at: number } | undefined;
  /** Wall-clock ms since the epoch of the next attempt, when one is waiting. */
  readonly nextRetryAt: number | undefined;
}

/** A record that is not in the catalog, and the rule that kept it out. */
export interface RejectedRecord extends Rejection {
  readonly source: Source;
  readonly service: ServiceId;
}
