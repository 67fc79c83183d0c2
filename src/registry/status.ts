/** What is known of one registry's health, for API, CLI and metrics. */
import type { SuspectReason } from "../model/evidence.ts";
import type { ServiceId } from "../model/service.ts";
import type { Source } from "../model/source.ts";
import type { PartState, Rejection } from "./adapter.ts";
import type { StalenessStage } from "./staleness.ts";

/**
 * `init`: not started; `syncing`: its first full set is not in; `live`: current as far as it told us;
 * `suspect`: it answers, but something is in doubt and may be held; `stale`: it cannot be read, what it said stands;
 * `expired`: it could not be read for so long that its instances have left (`staleness.removeAfter`).
 */
export const REGISTRY_STATES = ["init", "syncing", "live", "suspect", "stale", "expired"] as const;
export type RegistryState = (typeof REGISTRY_STATES)[number];

export interface RegistryStatus {
  readonly name: string;
  readonly kind: string;
  readonly state: RegistryState;
  /** Why it is suspect. */
  readonly suspectReason: SuspectReason | undefined;
  /** Wall-clock ms since the epoch; undefined: never. */
  readonly lastSyncAt: number | undefined;
  /** Ms since what is shown of it was last confirmed, here or by the process that saved it; undefined: never. */
  readonly ageMs: number | undefined;
  /** What its age does to its instances: as they are, DEGRADED, in the last priority, gone. */
  readonly staleness: StalenessStage;
  readonly services: number;
  readonly instances: number;
  readonly held: number;
  readonly rejected: number;
  readonly events: number;
  readonly lastError: { readonly code: string; readonly message: string; readonly next: string; readonly at: number } | undefined;
  /** Wall-clock ms since the epoch of the next attempt, when one is waiting. */
  readonly nextRetryAt: number | undefined;
  /** Its datacentres or clusters; empty for a registry that has no parts. */
  readonly parts: readonly PartStatus[];
}

/** How one part of a registry is, in the words used for the whole. */
export interface PartStatus extends Pick<RegistryStatus, "ageMs" | "staleness" | "lastError"> {
  readonly name: string;
  readonly state: PartState["state"] | "expired";
  readonly suspectReason: SuspectReason | undefined;
}

/** A record that is not in the catalog, and the rule that kept it out. */
export interface RejectedRecord extends Rejection {
  readonly source: Source;
  readonly service: ServiceId;
}
