/** The contract between a registry's adapter and the rest. To add a registry, read adapters/README.md. */
import type { Static, TObject } from "typebox";
import type { Clock } from "../kernel/clock.ts";
import type { MeshbridgeError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { Evidence } from "../model/evidence.ts";
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
  /** The registry cannot be read at the moment: keep what there is and mark it stale. */
  | { readonly type: "degraded"; readonly error: MeshbridgeError; readonly retryInMs?: number };

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
}

/** Keeps the schema's type so that `watch` sees its own settings typed. */
export function defineAdapter<Schema extends TObject>(adapter: Adapter<Schema>): Adapter<Schema> {
  return adapter;
}
