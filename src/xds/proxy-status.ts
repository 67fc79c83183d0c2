/** What is known of one connected client (a proxy or a gRPC program), for API, CLI, metrics and `explain`. */
import type { Client } from "../routing/client.ts";
import type { Names } from "./name-set.ts";
import type { TypeUrl } from "./types.ts";

/**
 * `NOT_SENT`: nothing was due; `STALE`: sent and not answered yet; `SYNCED`: the newest that was sent is acknowledged, or
 * the client came with exactly that; `NACKED`: the newest that was sent was refused. The first three are istioctl's words.
 */
export type SyncStatus = "NOT_SENT" | "STALE" | "SYNCED" | "NACKED";

export interface ProxyTypeStatus {
  readonly typeUrl: TypeUrl;
  /** Short name for people: LDS, RDS, CDS, EDS. */
  readonly type: string;
  readonly status: SyncStatus;
  /** True when it asked for everything of the type. */
  readonly wildcard: boolean;
  /** Names asked for explicitly: how many, and which (live, not a copy). */
  readonly names: number;
  readonly subscribed: Names;
  /** Sequence number of the view's table up to which everything was sent, and acknowledged. */
  readonly sentSeq: number;
  readonly ackedSeq: number;
  readonly sentAt: number | undefined;
  readonly ackedAt: number | undefined;
  readonly nacks: number;
  readonly lastNack: { readonly message: string; readonly at: number } | undefined;
}

export interface ProxyStatus {
  /** node.id, made unique by `#2`, `#3` … when several connections give the same. */
  readonly id: string;
  readonly nodeId: string;
  readonly nodeCluster: string;
  /** E.g. `envoy 1.40.0` or `gRPC Node 1.14.7`. */
  readonly agent: string;
  readonly client: Client;
  /** Key of the view it is served from: clients with equal keys get equal resources. */
  readonly view: string;
  readonly peer: string;
  readonly variant: "sotw" | "delta";
  /** Wall-clock ms since the epoch. */
  readonly connectedAt: number;
  readonly types: readonly ProxyTypeStatus[];
}
