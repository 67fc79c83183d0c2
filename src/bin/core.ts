/**
 * The bridge without its ports: registries into the catalog, the catalog into views. Everything that has a lifetime of
 * its own is made here once; what the configuration changes goes through `configure`.
 */
import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { createCatalogStore } from "../catalog/store.ts";
import type { CatalogChange, SyncState } from "../catalog/types.ts";
import type { ResolvedConfig } from "../config/resolved.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { systemLookup } from "../kernel/lookup.ts";
import type { Lookup } from "../kernel/resolver.ts";
import { createFleet, type Fleet } from "../registry/fleet.ts";
import { createLastKnownGood, type LastKnownGood } from "../registry/last-known-good.ts";
import type { StateFiles } from "../registry/state-files.ts";
import type { RegistrySpec } from "../registry/supervisor.ts";
import { nextSyncState } from "../registry/sync-gate.ts";
import { createDerivation } from "../routing/derivation.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import { createViews, type Views } from "../xds/views.ts";
import type { ProbeGateway } from "./gateway-probes.ts";
import { createNetworkGateways } from "./network-gateways.ts";
import { createSecretsHost, type SecretsHost, type SecretsHostEnv } from "./secrets.ts";

export interface CoreEnv extends SecretsHostEnv {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Undefined: nothing is kept over restarts. */
  readonly stateDir: string | undefined;
  /** In place of files in `stateDir`: for simulations. */
  lastKnownGood?(registry: string): LastKnownGood;
  /** Where `stateDir` is; default: the disk. */
  readonly stateFiles?: StateFiles;
  /** Resolves in the next turn of the event loop; default: the process's own. */
  readonly nextTurn?: () => Promise<unknown>;
  /** Default: the machine's name servers. */
  readonly lookup?: Lookup;
  /** Default: gateways are not asked whether they are there. */
  readonly probeGateway?: ProbeGateway;
  onRegistryStatus(registry: string): void;
  onRegistryEvent(registry: string, type: string): void;
  onCatalog(version: number, changed: ReadonlySet<string>): void;
  onTranslated(seconds: number): void;
  /** What is served from now on, with what policies make of it. */
  onServed?(change: Pick<CatalogChange, "services" | "changed" | "sync">): void;
}

export interface Core {
  readonly fleet: Fleet;
  readonly catalog: ReturnType<typeof createCatalogStore>;
  readonly views: Views;
  readonly secrets: SecretsHost;
  /** The catalog's version that every view has been brought up to; 0 while nobody may be served. */
  servedVersion(): number;
  traffic(): TrafficPolicy;
  /** The catalog with the services that policies make of others. */
  snapshot(): ReturnType<ReturnType<typeof createCatalogStore>["snapshot"]>;
  /** What `onServed` has told last, or would have told; services of policies are in it, news that nobody is served yet are not. */
  served(): Pick<CatalogChange, "services" | "sync">;
  /** Makes what runs that of the configuration, touching only what differs. */
  configure(config: ResolvedConfig): void;
  /** Resolves when everything has stopped and what is kept over restarts is written. */
  stop(): Promise<void>;
}

export function startCore(initial: ResolvedConfig, env: CoreEnv): Core {
  const { clock, log, nextTurn = setImmediate } = env;
  const stopping = new AbortController();
  let running = initial;
  let sync: SyncState = "waiting";
  let waitOver = false;
  let servedVersion = 0;

  const rulesOf = (config: ResolvedConfig) => ({
    registries: namesOf(config),
    ruleOf: (service: Parameters<TrafficPolicy["policyOf"]>[0]) => config.traffic.policyOf(service).merge,
  });
  const catalog = createCatalogStore(rulesOf(initial));
  const gateways = createNetworkGateways(initial.traffic, {
    clock,
    lookup: env.lookup ?? systemLookup,
    probe: env.probeGateway,
    random: env.random,
    signal: stopping.signal,
    onChange: () => {
      views.setTraffic(trafficNow());
      openGate();
    },
  });
  const derivation = createDerivation(initial.traffic);
  /** The catalog as clients see it: with what policies make of it. */
  let served: Pick<CatalogChange, "services"> & { readonly version: number } = { version: 0, services: new Map() };
  const trafficNow = (): TrafficPolicy => ({ ...gateways.traffic, policyOf: derivation.policyOf });
  const secrets = createSecretsHost(env, () => views.updateSecrets());
  const views = createViews({ traffic: trafficNow(), clock, log, secrets: secrets.source, onTranslated: env.onTranslated });

  const fleet = createFleet({
    clock,
    log,
    random: env.random,
    lastKnownGood: ({ name, adapter, config, settings }) => {
      if (env.lastKnownGood !== undefined) return env.lastKnownGood(name);
      if (env.stateDir === undefined) return undefined;
      const fingerprint = JSON.stringify([adapter.kind, config, settings]);
      return createLastKnownGood({ dir: env.stateDir, files: env.stateFiles, registry: name, fingerprint, clock, log });
    },
    drained: (group) => catalog.drained(group),
    onChange: (_registry, changes) => catalog.apply(changes),
    onStatus: (registry) => {
      openGate();
      env.onRegistryStatus(registry);
    },
    onEvent: env.onRegistryEvent,
  });

  const openGate = () => {
    const next = nextSyncState(sync, { ...fleet.progress(), ...(gateways.settled ? {} : UNSETTLED), waitOver });
    if (next === sync) return;
    sync = next;
    log.info({ sync, services: catalog.snapshot().services.size }, "catalog may be served");
    catalog.setSync(sync);
  };

  const serve = async () => {
    for await (const change of catalog.subscribe(stopping.signal)) {
      if (gateways.follow(change)) views.setTraffic(trafficNow());
      const all = derivation.follow(change.services, change.changed);
      served = { version: change.version, services: all.services };
      views.update({ ...change, ...all });
      env.onServed?.({ sync: change.sync, ...all });
      servedVersion = change.sync === "waiting" ? 0 : change.version;
      env.onCatalog(change.version, all.changed);
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
  secrets.configure(initial);
  fleet.configure(specsOf(initial));
  openGate();

  return {
    fleet,
    catalog,
    views,
    secrets,
    servedVersion: () => servedVersion,
    traffic: trafficNow,
    served: () => ({ services: served.services, sync }),
    snapshot() {
      const now = catalog.snapshot();
      // Until the change has been followed the registries' own words are newer.
      return served.version === now.version ? { ...now, services: served.services } : now;
    },
    configure(config) {
      const before = running;
      running = config;
      // First, so that what listeners name from now on is known to be meant.
      secrets.configure(config);
      fleet.configure(specsOf(config));
      const sameTraffic = before.trafficKey === config.trafficKey;
      if (!sameTraffic) {
        gateways.configure(config.traffic);
        const derivedBefore = derivation.active;
        derivation.configure(config.traffic);
        const { services, version } = catalog.snapshot();
        const all = derivation.follow(services, services.keys());
        served = { version, services: all.services };
        views.setTraffic(trafficNow(), derivedBefore || derivation.active ? all.services : undefined);
      }
      // Merging everything anew is for other rules or another order of the registries only.
      if (!sameTraffic || !isDeepStrictEqual(namesOf(before), namesOf(config))) catalog.configure(rulesOf(config));
    },
    async stop() {
      await fleet.stop();
      secrets.stop();
      stopping.abort(new Error("stopped"));
      await serving;
      views.close();
    },
  };
}

/** A gateway whose address nobody knows yet is like a registry that has not been read. */
const UNSETTLED = { allSynced: false, allSettled: false, anyBlank: true } as const;

function namesOf({ registries }: ResolvedConfig): readonly string[] {
  return registries.map(({ name }) => name);
}

function specsOf({ registries, baseDir }: ResolvedConfig): readonly RegistrySpec[] {
  return registries.map(({ name, adapter, config, settings }) => ({ name, adapter, config: { ...config }, settings, baseDir }));
}
