/** One running copy of a service, as one source describes it. Plain data; nothing here has methods. */
import type { SuspectReason } from "./evidence.ts";
import type { Health } from "./health.ts";
import type { Locality } from "./locality.ts";
import type { Source } from "./source.ts";

export interface Instance {
  /** Stable as long as the source means the same running copy, and unique within its group. */
  readonly id: string;
  /** An IP literal (v4, or v6 without brackets): xDS endpoints carry no host names. */
  readonly address: string;
  /** Port number (1–65535) by port name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly locality: Locality;
  /** The cluster it runs in. */
  readonly cluster: string;
  /** Instances of one network are dialled directly; others only through a gateway of their network. */
  readonly network: string;
  readonly health: Health;
  /** Share of load among its peers: an integer ≥ 1. */
  readonly weight: number;
  /** Bounded and routable. */
  readonly labels: Readonly<Record<string, string>>;
  /** Set by removal protection alone: the registry no longer names it, but without proof. Served as DEGRADED. */
  readonly hold?: Hold;
  /** Set by the bounded staleness of its registry alone: nobody could confirm the instance for long. */
  readonly stale?: Stale;
}

/** An instance together with who said it. */
export interface SourcedInstance extends Instance {
  readonly source: Source;
}

/** Why an instance that its registry no longer names is still here. */
export interface Hold {
  readonly reason: SuspectReason;
  /** Wall-clock ms since the epoch when the hold began. */
  readonly since: number;
}

/** How long a registry could not be read has a price: its instances come after those of others, then last of all. */
export interface Stale {
  /** `degraded`: served as DEGRADED; `last`: in the last priority besides. */
  readonly stage: "degraded" | "last";
  /** Wall-clock ms since the epoch when the stage began. */
  readonly since: number;
}
