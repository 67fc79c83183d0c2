/** Composition root of `serve`: the core, its ports, the configuration that changes, and an end that cuts nobody off. */
import { randomBytes } from "node:crypto";
import { createAdminApp } from "../admin/app.ts";
import { createEventLog } from "../admin/events.ts";
import { listenAdmin } from "../admin/listen.ts";
import { createDrainBook } from "../catalog/drain-book.ts";
import { diffConfig } from "../config/diff.ts";
import { loadConfig } from "../config/load.ts";
import type { Flags } from "../config/overrides.ts";
import type { ResolvedConfig } from "../config/resolved.ts";
import { watchConfig } from "../config/watch.ts";
import { systemClock } from "../kernel/clock.ts";
import { isLoopback, type ListenAddress, listenText } from "../kernel/listen-address.ts";
import type { LinkServer } from "../link/server.ts";
import type { Adapter, WatchContext } from "../registry/adapter.ts";
import { createLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createLoads } from "../xds/load/loads.ts";
import { createProxies } from "../xds/proxies.ts";
import { createRecorder } from "../xds/recording/recorder.ts";
import { type AccessOptions, createAccess } from "../xds/server/access.ts";
import { loadService } from "../xds/server/load-service.ts";
import { createXdsServer } from "../xds/server/server.ts";
import { statusService } from "../xds/server/status-service.ts";
import { createTokenCache } from "../xds/token-cache.ts";
import { createBridgeState } from "./bridge-state.ts";
import { startCore } from "./core.ts";
import { createDns, type Dns } from "./dns.ts";
import { drainFile } from "./drain-file.ts";
import { probeByTls } from "./gateway-probes.ts";
import { createLinks } from "./links.ts";
import { createObserver } from "./observer.ts";
import { defaultStateDir } from "./state-dir.ts";

export interface BridgeOptions {
  readonly path: string;
  readonly flags: Flags;
  readonly adapters: readonly Adapter[];
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the bridge: not ready first, then the streams, then everything else. */
  readonly signal: AbortSignal;
}

/** From the signal to the end, at most. */
const STOP_MS = 8000;
/** How long a load balancer gets to see "not ready" before streams are ended. */
const NOT_READY_MS = 200;

/** Runs until the signal aborts; resolves with 0 then. Throws errors of the table when it cannot start. */
export async function runBridge({ path, flags, adapters, version, env, signal }: BridgeOptions): Promise<number> {
  const clock = systemClock;
  const sources = { path, adapters, env, flags };
  const loaded = await loadConfig(sources);
  let config: ResolvedConfig = loaded.config;
  const format = config.log.format ?? (process.stderr.isTTY ? "pretty" : "json");
  const { log, ...logControl } = createLog({ level: config.log.level, format });
  const metrics = createMetrics();
  const events = createEventLog(clock);
  const observer = createObserver({ clock, metrics, events });
  // Registries begin with the core, before there is anybody to tell.
  let links: LinkServer | undefined;
  let dns: Dns | undefined;
  const stateDir = config.state.keep ? (config.state.dir ?? defaultStateDir(path, env)) : undefined;

  const core = startCore(config, {
    clock,
    log,
    random: Math.random,
    probeGateway: probeByTls,
    stateDir,
    ...observer.core,
    onServed: (change) => dns?.served(change),
    onRegistryStatus: (registry) => {
      observer.core.onRegistryStatus(registry);
      links?.restated();
      dns?.restated();
    },
  });
  links = createLinks({ core, clock, log, config: () => config });
  dns = createDns({ core, metrics, clock, random: Math.random, log, config: () => config });
  const kept = stateDir === undefined ? undefined : drainFile(stateDir, log);
  const book = createDrainBook({
    clock,
    file: kept,
    initial: (await kept?.load()) ?? [],
    onChange: (drains) => {
      core.catalog.setDrains(drains);
      observer.drains(drains);
    },
  });
  const loads = createLoads();
  const proxies = createProxies(clock, observer.proxy);
  const state = createBridgeState({
    version,
    path,
    core,
    proxies,
    loads,
    metrics,
    events,
    logControl,
    clock,
    dns,
    links,
    drains: { ...book, durable: kept !== undefined, now: () => clock.now() },
    config: () => config,
  });
  const defaults = { cluster: config.mesh.cluster, network: config.mesh.network, namespace: "default" };
  const epoch = randomBytes(6).toString("base64url");
  const recorder = config.xds.recordTo === undefined ? undefined : await createRecorder(config.xds.recordTo, { clock, log });
  const access = createAccess({ rules: () => config.xds.identities, ...reviewOf(config, { clock, log, signal }) });
  const statusOf = { access, proxies: () => proxies.statuses(), tables: (view: string) => core.views.tables(view) };
  const services = [
    loadService(loads, log, { access, defaults }),
    links,
    ...(config.xds.clientStatus ? [statusService(statusOf)] : []),
  ];
  const server = createXdsServer({
    services,
    rule: links.refusal,
    access,
    recorder,
    views: core.views,
    proxies,
    defaults,
    epoch,
    clock,
    log,
    metrics: observer.xds,
    clusterTtlMs: config.xds.clusterTtlMs,
  });
  observer.bind({ core, state });
  const admin = await createAdminApp(state, { log, hosts: hostNames(config.admin.listen) });

  const stop = async () => {
    state.stopping();
    const over = new AbortController();
    // The only rejection of the sleep is its abort: left running, its timer would keep the process until it is over.
    const deadline = clock.sleep(STOP_MS, over.signal).catch(() => undefined);
    await Promise.race([stopAll(), deadline]);
    over.abort();
  };
  const stopAll = async () => {
    await clock.sleep(server.streams > 0 ? NOT_READY_MS : 0);
    links?.close();
    await dns?.close();
    await server.drain(STOP_MS / 2);
    await recorder?.close();
    book.close();
    await core.stop();
    await admin.close();
  };

  try {
    const { listen: address, tls, insecure, reusePort } = config.xds;
    const port = await server.listen({ address, tls, insecure, reusePort }, signal);
    const adminAddress = await listenAdmin(admin, config.admin.listen);
    const dnsPort = await dns.listen();
    log.info(
      {
        version,
        ...(dnsPort !== undefined && { dns: dnsPort }),
        xds: listenText({ ...address, port }),
        admin: adminAddress,
        registries: config.registries.length,
      },
      "bridge is up",
    );
    for await (const update of watchConfig({ ...sources, text: loaded.text, signal, clock })) {
      if ("error" in update) {
        log.error({ err: update.error }, "changed configuration cannot be used; the one before runs on");
        state.reloadFailed(update.error);
        observer.reload(false);
        continue;
      }
      const { needsRestart, ...changed } = diffConfig(config, update.ok);
      config = update.ok;
      core.configure(config);
      links.reconfigured();
      dns.reconfigured();
      if (changed.logLevel) logControl.setLevel(config.log.level);
      log.info(
        { restartNeeded: needsRestart, traffic: changed.traffic, registries: config.registries.length },
        "configuration taken over",
      );
      state.reloaded(needsRestart);
      observer.reload(true);
    }
    log.info({}, "stopping");
  } finally {
    await stop();
  }
  log.info({}, "stopped");
  return 0;
}

/** On loopback no foreign name may lead here. Elsewhere, by `insecure`, names are the operator's, and a socket has no browser. */
function hostNames(listen: ListenAddress): readonly string[] | "any" {
  return listen.kind === "tcp" && isLoopback(listen) ? [listen.host.toLowerCase()] : "any";
}

/** How tokens are looked into, where the configuration says that they are. */
function reviewOf(
  { xds: { tokens }, registries, baseDir }: ResolvedConfig,
  env: Pick<WatchContext, "clock" | "log" | "signal">,
): Pick<AccessOptions, "reviewToken"> {
  const registry = registries.find(({ name }) => name === tokens?.registry);
  if (tokens === undefined || registry?.adapter.tokenReviewer === undefined) return {};
  const { name, adapter, config, settings } = registry;
  const context = { ...env, name, settings, baseDir, random: Math.random };
  const reviewer = adapter.tokenReviewer?.(config, { cluster: tokens.cluster, audience: tokens.audience }, context);
  if (reviewer === undefined) return {};
  return { reviewToken: createTokenCache({ clock: env.clock, review: (token) => reviewer.review(token) }) };
}
