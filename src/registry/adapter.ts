/** The contract between a registry's adapter and the rest. To add a registry, read adapters/README.md. */
import type { Static, TObject } from "typebox";
import type { Clock } from "../kernel/clock.ts";
import type { MeshbridgeError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { Evidence, SuspectReason } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import type { Source } from "../model/source.ts";
import type { RegistrySettings } from "./settings.ts";

export type RegistryEvent =
  /** The whole of what one source says now. The evidence speaks of what is *missing* from it. */
  | {
      readonly type: "group";
      readonly group: Group;
      readonly evidence: Evidence;
      /** Records of this source that could not become instances: left out, counted and shown. */
      readonly rejected?: readonly Rejection[];
    }
  /** The source no longer knows its service at all. */
  | { readonly type: "gone"; readonly source: Source; readonly evidence: Evidence }
  /**
   * Everything sent so far is the registry's state as of now. The first one ends the initial sync, and sources not
   * sent by then may go (as far as the evidence allows). Later ones say "still current", also after a `degraded`.
   */
  | { readonly type: "synced"; readonly evidence: Evidence }
  /**
   * The registry cannot be read at the moment: keep what there is and mark it stale. With `part`, only those sources whose
   * scope begins with it and a slash: one datacentre or cluster of several.
   */
  | {
      readonly type: "degraded";
      readonly error: MeshbridgeError;
      readonly retryInMs?: number;
      readonly part?: string;
      /** There is reason to think that only we cannot read it: its age does not count until it is said again without. */
      readonly excused?: true;
    }
  /** The part is current, again or still, while others are not; `synced` says the same of all. */
  | { readonly type: "recovered"; readonly part: string }
  /** For people: how each part is, all of them, whenever that has changed. A registry without parts never says it. */
  | { readonly type: "parts"; readonly parts: readonly PartState[] };

/** One datacentre or cluster of a registry, as its adapter knows it. */
export interface PartState {
  readonly name: string;
  readonly state: "syncing" | "live" | "suspect" | "stale";
  /** Why it is suspect. */
  readonly suspectReason?: SuspectReason;
}

/** One record that was left out, and why: for people, shown by `explain`. */
export interface Rejection {
  /** How the registry names the record, e.g. an instance id or `services.yaml:12`. */
  readonly record: string;
  readonly reason: string;
}

export interface WatchContext {
  /** The registry's name in the configuration; goes into every source. */
  readonly name: string;
  /** What every registry takes: namespace, cluster, network, locality. */
  readonly settings: RegistrySettings;
  /** The folder relative paths are meant from: that of the configuration file. */
  readonly baseDir: string;
  /**
   * False: nothing is known of the registry from before, not from an earlier process either, so nothing can be missing
   * from its first answer. Not given: there may be.
   */
  readonly knownBefore?: boolean;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/**
 * A kind of registry.
 *
 * `watch` promises: every group once, then `synced`, then changed groups; whole groups only, never a part of one;
 * after `synced` an unchanged registry is quiet but for repeated `synced`; it ends within a second of the abort.
 * It may repeat an equal group. It does not throw for what can be survived by trying again (that is `degraded`);
 * what it does throw makes the supervisor start it anew after a backoff, keeping what was known.
 * It does not filter addresses, clamp weights or hold removals: registry/sanitise.ts and registry/protection.ts do.
 */
export interface Adapter<Schema extends TObject = TObject> {
  /** The value of `kind:` in the configuration. */
  readonly kind: string;
  /** One sentence for the reference page. */
  readonly description: string;
  /** The settings of this kind, besides those every registry takes. */
  readonly schema: Schema;
  watch(config: Static<Schema>, context: WatchContext): AsyncIterable<RegistryEvent>;
  /**
   * Follows one Secret until the abort: what it holds first, then every change; it may repeat itself. Absent where there are
   * no Secrets. What cannot be read is a `reason`, and is tried again.
   */
  watchSecret?(config: Static<Schema>, request: SecretRequest, context: WatchContext): AsyncIterable<SecretContent>;
  /** Asks one of the registry's clusters whose token it is; ends with the context's signal. Absent where there are none. */
  tokenReviewer?(config: Static<Schema>, request: TokenReviewRequest, context: WatchContext): TokenReviewer;
  /** When the operator takes such a registry out of the configuration, its instances drain for so long, in ms, before they go. */
  readonly drainMs?: number;
  /** The least rights to read it with, as Kubernetes objects to apply; absent where Kubernetes grants nothing. Pure. */
  rbac?(config: Static<Schema>, request: RbacRequest): readonly Readonly<Record<string, unknown>>[];
}

/** Which Secret of a registry's cluster is meant. */
export interface SecretRequest {
  /** Undefined: the registry has one cluster only. */
  readonly cluster: string | undefined;
  readonly namespace: string;
  readonly name: string;
}

/** What a Secret holds, or why that cannot be told; the reason names no content. */
export type SecretContent = { readonly data: ReadonlyMap<string, Uint8Array> } | { readonly reason: string };

export interface TokenReviewRequest {
  /** Undefined: the registry has one cluster only. */
  readonly cluster: string | undefined;
  /** A token must be made for it; one made for anything else is nobody's. */
  readonly audience: string;
}

/** A service account. */
export interface TokenOwner {
  readonly namespace: string;
  readonly name: string;
}

export interface TokenReviewer {
  /** Undefined: the token proves nothing. Rejects with MB_XDS_TOKEN_UNCHECKED when the cluster cannot be asked. */
  review(token: string): Promise<TokenOwner | undefined>;
}

/** For whom `rbac` grants, and where. */
export interface RbacRequest {
  /** The service account that gets the rights. */
  readonly account: { readonly namespace: string; readonly name: string };
  /** The objects are for the cluster whose Secrets name other clusters. */
  readonly home: boolean;
  /** Tokens are looked into there. */
  readonly tokens?: boolean;
  /** Secrets of the cluster that are followed by name. */
  readonly secrets?: readonly Pick<SecretRequest, "namespace" | "name">[];
}

/** Keeps the schema's type so that `watch` sees its own settings typed. */
export function defineAdapter<Schema extends TObject>(adapter: Adapter<Schema>): Adapter<Schema> {
  return adapter;
}
