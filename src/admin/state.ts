/** What the admin API may look at: read-only faces of every stage, given by the composition root. */
import type { DrainBook } from "../catalog/drain-book.ts";
import type { CatalogService, SyncState } from "../catalog/types.ts";
import type { Explained } from "../dns/responder.ts";
import type { LinkPeer } from "../link/policy.ts";
import type { LinkReader } from "../link/server.ts";
import type { Condition } from "../model/condition.ts";
import type { ServiceId } from "../model/service.ts";
import type { HeldInstance, HoldFilter } from "../registry/holds.ts";
import type { RegistryStatus, RejectedRecord } from "../registry/status.ts";
import type { Client } from "../routing/client.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import type { Load } from "../xds/load/loads.ts";
import type { ProxyStatus } from "../xds/proxy-status.ts";
import type { EventLog } from "./events.ts";

export interface VersionInfo {
  readonly version: string;
  readonly node: string;
  /** Wall-clock ms since the epoch. */
  readonly startedAt: number;
}

export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

/** The configuration that runs, and how the last attempt to read a newer one ended. */
export interface ConfigStatus {
  readonly file: string;
  /** Secrets are references in it, and masked besides. */
  readonly effective: unknown;
  readonly reload: {
    readonly ok: boolean;
    /** Wall-clock ms since the epoch. */
    readonly at: number;
    readonly error?: { readonly code: string; readonly message: string; readonly next: string };
    /** Changed settings that count from the next start only. */
    readonly restartNeeded: readonly string[];
  };
}

/** One resource as a client has it, decoded for people. */
export interface DumpedResource {
  readonly type: "clusters" | "endpoints" | "listeners" | "routes";
  readonly name: string;
  readonly version: string;
  readonly resource: unknown;
}

export interface ViewConditions {
  readonly view: string;
  readonly role: string;
  readonly gateway: string;
  readonly conditions: readonly Condition[];
}

/** The drains in force, and how to change them. */
export interface Drains extends Pick<DrainBook, "list" | "set" | "remove"> {
  /** They outlive a restart. */
  readonly durable: boolean;
  /** Wall-clock ms since the epoch, as their times are. */
  now(): number;
}

/** What the name server would answer; there is none where the zones are none. */
export interface DnsView {
  zones(): readonly string[];
  explain(name: string, type: string, from: string): Explained | undefined;
}

/** Links as this bridge serves them; those it reads are registries. */
export interface LinksView {
  /** Its own. */
  readonly cluster: string;
  readonly peers: readonly LinkPeer[];
  readonly readers: readonly LinkReader[];
  /** The peer behind each registry of kind meshbridge, as far as it is known. */
  readonly peerOf: ReadonlyMap<string, string>;
}

export interface BridgeState {
  version(): VersionInfo;
  catalog(): { readonly version: number; readonly sync: SyncState; readonly services: ReadonlyMap<ServiceId, CatalogService> };
  /** The catalog's version that clients are served from by now; 0 while nobody is. */
  servedVersion(): number;
  readonly drains: Drains;
  readonly dns: DnsView;
  links(): LinksView;
  registries(): readonly RegistryStatus[];
  rejected(): readonly RejectedRecord[];
  held(): readonly HeldInstance[];
  /** Ends holds of one registry; how many, or undefined when there is no such registry. */
  releaseHolds(registry: string, filter: HoldFilter): number | undefined;
  proxies(): readonly ProxyStatus[];
  loads(): readonly Load[];
  /** Requests that clients dropped by policy, by cluster. */
  droppedRequests(): ReadonlyMap<string, number>;
  /** When the resource changed last, as a seq of its view's table; undefined when the view does not have it. */
  resourceSeq(view: string, typeUrl: string, name: string): number | undefined;
  /** Undefined when nobody looks at the view any more. */
  dump(view: string): readonly DumpedResource[] | undefined;
  traffic(): TrafficPolicy;
  conditions(): readonly ViewConditions[];
  config(): ConfigStatus;
  checks(): readonly ReadinessCheck[];
  logLevel(): string;
  setLogLevel(level: string): void;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Stands for "some client": the bridge's own cluster and network, no locality. */
  neutralClient(): Client;
  readonly events: EventLog;
}
