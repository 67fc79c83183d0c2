/** The catalog's own words: services as all sources together describe them. Plain data. */
import type { Condition } from "../model/condition.ts";
import type { SourcedInstance } from "../model/instance.ts";
import type { ServiceId, ServiceKey, ServicePort } from "../model/service.ts";
import type { Source } from "../model/source.ts";

/** An instance together with who said it, and what the catalog has to say of it. */
export interface CatalogInstance extends SourcedInstance {
  /** Set by the drains alone: it takes no new traffic for a while, whatever its registry says. */
  readonly drain?: InstanceDrain;
  /** Set where a service is made of others: whose instance it is. Absent: it is the service's own. */
  readonly origin?: InstanceOrigin;
}

export interface InstanceOrigin {
  readonly key: ServiceKey;
  /** Only those of this cluster are meant; undefined: of any. */
  readonly cluster: string | undefined;
  /** Instances of a higher one come after all of a lower one. */
  readonly order: number;
  /** Its own service's ports, by the name that the service it is lent to gives them. */
  readonly ports: Readonly<Record<string, ServicePort>>;
}

/** By whose word an instance is drained, and until when. */
export interface InstanceDrain {
  readonly owner: string;
  readonly reason: string;
  /** Wall-clock ms since the epoch. */
  readonly since: number;
  readonly until: number;
  /** True: also where a client has nothing else left. */
  readonly force: boolean;
}

export interface CatalogService {
  readonly id: ServiceId;
  readonly key: ServiceKey;
  /** Sorted by name. */
  readonly ports: readonly ServicePort[];
  readonly labels: Readonly<Record<string, string>>;
  /** Sorted by registry order, then source, then id; unique by source and id. */
  readonly instances: readonly CatalogInstance[];
  /** Every source that speaks of the service, in registry order, also those the merge left out. */
  readonly sources: readonly Source[];
  readonly conditions: readonly Condition[];
  /** Further host names, sorted; absent: there are none. */
  readonly hosts?: readonly string[];
  /** Set where it is made of others by policy: of which, and what the registries themselves say of it, if anything. */
  readonly derived?: { readonly of: readonly ServiceKey[]; readonly original: CatalogService | undefined };
}

/**
 * How far the sources have come:
 * `waiting`: some have never synced and the bounded wait is not over: nobody is served yet;
 * `partial`: the wait is over without them: new clients are served, but nothing is taken from those that have it;
 * `complete`: every source has synced at least once.
 */
export type SyncState = "waiting" | "partial" | "complete";

/** A coalesced notice. A reader that looks only at the state, never at `changed`, is still correct. */
export interface CatalogChange {
  readonly version: number;
  readonly sync: SyncState;
  /** The current state. A later change does not alter this map. */
  readonly services: ReadonlyMap<ServiceId, CatalogService>;
  /** What was added, changed or removed since this reader's last notice; the first notice names everything. */
  readonly changed: ReadonlySet<ServiceId>;
}

/** How sources that name the same service come together. */
export interface MergeRule {
  /** `merge`: all instances count. `priority`: only the first registry of `order` that has any. `reject`: only the first. */
  readonly mode: "merge" | "priority" | "reject";
  /** Registries by name, the strongest first; those not named follow in configuration order. */
  readonly order: readonly string[];
}
