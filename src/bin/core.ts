/**
 * The bridge without its ports: registries into the catalog, the catalog into views. Everything that has a lifetime of
 * its own is made here once; what the configuration changes goes through `configure`.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { createCatalogStore } from "../catalog/store.ts";
import type { SyncState } from "../catalog/types.ts";
import type { ResolvedConfig } from "../config/resolved.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { createFleet, type Fleet } from "../registry/fleet.ts";
import { createLastKnownGood } from "../registry/last-known-good.ts";
import type { RegistrySpec } from "../registry/supervisor.ts";
import { nextSyncState } from "../registry/sync-gate.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import { createViews, type Views } from "../xds/views.ts";

export interface CoreEnv {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Undefined: nothing is kept over restarts. */
  readonly stateDir: string | undefined;
  onRegistryStatus(registry: string): void;
  onRegistryEvent(registry: string, type: string): void;
  onCatalog(version: number, changed: ReadonlySet<string>): void;
  onTranslated(seconds: number): void;
}

export interface Core {
  readonly fleet: Fleet;
  readonly catalog: ReturnType<typeof createCatalogStore>;
  readonly views: Views;
  traffic(): TrafficPolicy;
  /** Makes what runs that of the configuration, touching only what differs. */
  configure(config: ResolvedConfig): void;
  /** Resolves when everything has stopped and what is kept over restarts is written. */
  stop(): Promise<void>;
}

export function startCore(initial: ResolvedConfig, env: CoreEnv): Core {
  const { clock, log } = env;
  const stopping = new AbortController();
  let traffic = initial.traffic;
  let running = initial;
  let sync: SyncState = "waiting";
  let waitOver = false;

  const rulesOf = (config: ResolvedConfig) => ({
    registries: namesOf(config),
    ruleOf: (service: Parameters<TrafficPolicy["policyOf"]>[0]) => config.traffic.policyOf(service).merge,
  });
  const catalog = createCatalogStore(rulesOf(initial));
  const views = createViews({ traffic, clock, log, onTranslated: env.onTranslated });

  const fleet = createFleet({
    clock,
    log,
    random: env.random,
    lastKnownGood: ({ name, adapter, config, settings }) => {
      if (env.stateDir === undefined) return undefined;
      const fingerprint = JSON.stringify([adapter.kind, config, settings]);
      return createLastKnownGood({ dir: env.stateDir, registry: name, fingerprint, clock, log });
    },
    onChange: (_registry, changes) => catalog.apply(changes),
    onStatus: (registry) => {
      openGate();
      env.onRegistryStatus(registry);
    },
    onEvent: env.onRegistryEvent,
  });

  const openGate = () => {
    const next = nextSyncState(sync, { ...fleet.progress(), waitOver });
    if (next === sync) return;
    sync = next;
    log.info({ sync, services: catalog.snapshot().services.size }, "catalog may be served");
    catalog.setSync(sync);
  };

  const serve = async () => {
    for await (const change of catalog.subscribe(stopping.signal)) {
      views.update(change);
      env.onCatalog(change.version, change.changed);
      // The first change of a row has left at once; what follows in the same turn of the event loop comes as one.
      await nextTurn();
    }
  };

  clock.sleep(initial.xds.syncTimeoutMs, stopping.signal).then(
    () => {
      waitOver = true;
      openGate();
    },
    // The only rejection of a sleep is its abort: the bridge stops.
    () => undefined,
  );
  const serving = serve();
  fleet.configure(specsOf(initial));
  openGate();

  return {
    fleet,
    catalog,
    views,
    traffic: () => traffic,
    configure(config) {
      const before = running;
      running = config;
      fleet.configure(specsOf(config));
      const sameTraffic = before.trafficKey === config.trafficKey;
      if (!sameTraffic) {
        traffic = config.traffic;
        views.setTraffic(traffic);
      }
      // Merging everything anew is for other rules or another order of the registries only.
      if (!sameTraffic || !isDeepStrictEqual(namesOf(before), namesOf(config))) catalog.configure(rulesOf(config));
    },
    async stop() {
      await fleet.stop();
      stopping.abort(new Error("stopped"));
      await serving;
      views.close();
    },
  };
}

function namesOf({ registries }: ResolvedConfig): readonly string[] {
  return registries.map(({ name }) => name);
}

function specsOf({ registries, baseDir }: ResolvedConfig): readonly RegistrySpec[] {
  return registries.map(({ name, adapter, config, settings }) => ({ name, adapter, config: { ...config }, settings, baseDir }));
}
