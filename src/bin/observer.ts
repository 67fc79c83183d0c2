/** Turns what happens in the bridge into metrics and events: the one place that knows both sides. */
import type { EventLog } from "../admin/events.ts";
import type { BridgeState } from "../admin/state.ts";
import { type Drain, sameDrain } from "../catalog/drains.ts";
import type { Clock } from "../kernel/clock.ts";
import { type PartStatus, REGISTRY_STATES, type RegistryStatus } from "../registry/status.ts";
import type { Metrics, Sample } from "../telemetry/metrics.ts";
import type { ProxyEvent } from "../xds/proxies.ts";
import type { XdsMetrics } from "../xds/server/session.ts";
import { shortType } from "../xds/types.ts";
import type { Core, CoreEnv } from "./core.ts";

export interface Observer {
  readonly core: Pick<CoreEnv, "onRegistryStatus" | "onRegistryEvent" | "onCatalog" | "onTranslated" | "onSecretReload">;
  readonly xds: XdsMetrics;
  proxy(event: ProxyEvent): void;
  reload(ok: boolean): void;
  /** These are in force from now on. */
  drains(drains: readonly Drain[]): void;
  /** Must be called once, when both are there. */
  bind(bound: { readonly core: Core; readonly state: BridgeState }): void;
}

export interface ObserverOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly events: EventLog;
}

/** More names than this in one event help nobody. */
const MAX_NAMES = 20;

export function createObserver({ clock, metrics, events }: ObserverOptions): Observer {
  let core: Core | undefined;
  let drained: readonly Drain[] = [];
  const states = new Map<string, RegistryStatus["state"]>();
  const errors = new Map<string, number>();
  let lastReload = { ok: true, at: clock.now() };
  /** When the catalog changed and no response has carried it yet. */
  let changedAt: number | undefined;
  let streams = 0;

  const onRegistryStatus = (name: string) => {
    const status = core?.fleet.statuses().find((one) => one.name === name);
    if (status === undefined) return;
    const { state, lastError, suspectReason } = status;
    if (lastError !== undefined && errors.get(name) !== lastError.at) {
      errors.set(name, lastError.at);
      metrics.count("registry_errors_total", { registry: name, code: lastError.code });
    }
    if (states.get(name) === state) return;
    states.set(name, state);
    const error = state === "stale" || state === "expired" ? lastError : undefined;
    events.add("registry", `registry ${name} is ${state}`, { registry: name, state, suspectReason, error });
  };

  return {
    core: {
      onRegistryStatus,
      onRegistryEvent: (registry, type) => metrics.count("registry_events_total", { registry, type }),
      onCatalog: (version, changed) => {
        if (changed.size === 0) return;
        // With nobody connected nothing is propagated, and the first client to come must not count as late.
        if (streams > 0) changedAt ??= clock.monotonic();
        const services = [...changed].slice(0, MAX_NAMES);
        events.add("catalog", `catalog version ${version}: ${changed.size} services changed`, {
          version,
          count: changed.size,
          services,
        });
      },
      onTranslated: (seconds) => metrics.observe("translate_seconds", seconds),
      onSecretReload: (secret, ok) => {
        metrics.count("secret_reloads_total", { secret, result: ok ? "taken" : "refused" });
        events.add("config", ok ? `secret ${secret} loaded` : `secret ${secret} cannot be used`, { secret, ok });
      },
    },
    xds: {
      stream: (variant, by) => {
        streams += by;
        metrics.add("xds_streams", { variant }, by);
      },
      response: (type, bytes) => {
        metrics.count("xds_responses_total", { type });
        metrics.count("xds_response_bytes_total", { type }, bytes);
        if (changedAt === undefined) return;
        metrics.observe("propagation_seconds", (clock.monotonic() - changedAt) / 1000);
        changedAt = undefined;
      },
      refused: (reason) => metrics.count("xds_connections_refused_total", { reason }),
      secretsDenied: () => metrics.count("xds_secrets_denied_total"),
      nack: (type) => metrics.count("xds_nacks_total", { type }),
    },
    proxy(event) {
      if (event.type === "nack") {
        const type = shortType(event.typeUrl);
        events.add("proxy", `proxy ${event.id} refused ${type}: ${event.message}`, {
          proxy: event.id,
          type,
          reason: event.message,
        });
      } else events.add("proxy", `proxy ${event.id} ${event.type}`, { proxy: event.id, role: event.client.role });
    },
    reload(ok) {
      lastReload = { ok, at: ok ? clock.now() : lastReload.at };
      events.add("config", ok ? "configuration taken over" : "changed configuration cannot be used", { ok });
    },
    drains(now) {
      const say = ({ service, cluster, owner }: Drain, word: string) =>
        events.add("catalog", `drain of ${service} in ${cluster} by ${owner} ${word}`, { service, cluster, owner });
      for (const drain of now.filter((one) => !drained.includes(one))) say(drain, "is in force");
      for (const drain of drained.filter((one) => !now.some((other) => sameDrain(one, other)))) say(drain, "has ended");
      drained = now;
    },
    bind(bound) {
      core = bound.core;
      metrics.mirror(() => samples(bound.core, bound.state, lastReload));
    },
  };
}

function* samples(core: Core, state: BridgeState, reload: { readonly ok: boolean; readonly at: number }): Iterable<Sample> {
  const { version, node } = state.version();
  yield { name: "build_info", labels: { version, node }, value: 1 };
  yield { name: "config_last_reload_success", value: reload.ok ? 1 : 0 };
  yield { name: "config_last_reload_timestamp_seconds", value: reload.at / 1000 };
  for (const { name: registry, state: status, lastSyncAt, ageMs, rejected, parts } of core.fleet.statuses()) {
    yield { name: "registry_up", labels: { registry }, value: status === "live" || status === "suspect" ? 1 : 0 };
    for (const one of REGISTRY_STATES)
      yield { name: "registry_state", labels: { registry, state: one }, value: one === status ? 1 : 0 };
    if (ageMs !== undefined) yield { name: "registry_age_seconds", labels: { registry }, value: ageMs / 1000 };
    if (lastSyncAt !== undefined)
      yield { name: "registry_last_sync_timestamp_seconds", labels: { registry }, value: lastSyncAt / 1000 };
    yield { name: "catalog_rejected_records", labels: { registry }, value: rejected };
    yield* partSamples(registry, parts);
  }
  yield* heldSamples(core);
  yield* secretSamples(core);
  const { version: catalogVersion, services } = state.catalog();
  yield { name: "catalog_version", value: catalogVersion };
  yield { name: "catalog_services", value: services.size };
  yield { name: "drains", value: state.drains.list().length };
  const drainedInstances = [...services.values()].map(({ instances }) => instances.filter(({ drain }) => drain).length);
  yield { name: "catalog_drained_instances", value: drainedInstances.reduce((sum, count) => sum + count, 0) };
  yield { name: "catalog_conflicts", value: [...services.values()].reduce((sum, { conditions }) => sum + conditions.length, 0) };
  const counts = new Map<string, { registry: string; health: string; value: number }>();
  for (const { instances } of services.values()) {
    for (const { source, health } of instances) {
      const key = `${source.registry}/${health}`;
      const count = counts.get(key) ?? { registry: source.registry, health, value: 0 };
      count.value++;
      counts.set(key, count);
    }
  }
  for (const { registry, health, value } of counts.values())
    yield { name: "catalog_instances", labels: { registry, health }, value };
  const behind = state.proxies().filter(({ types }) => types.some(({ status }) => status === "STALE" || status === "NACKED"));
  yield { name: "xds_stale_nodes", value: behind.length };
}

function* partSamples(registry: string, parts: readonly PartStatus[]): Iterable<Sample> {
  for (const { name: part, state, ageMs } of parts) {
    yield { name: "registry_part_up", labels: { registry, part }, value: state === "live" || state === "suspect" ? 1 : 0 };
    if (ageMs !== undefined) yield { name: "registry_part_age_seconds", labels: { registry, part }, value: ageMs / 1000 };
  }
}

function* secretSamples({ secrets }: Core): Iterable<Sample> {
  for (const { name: secret, usable, problem, certificate } of secrets.statuses()) {
    yield { name: "secret_current", labels: { secret }, value: usable && problem === undefined ? 1 : 0 };
    if (certificate === undefined) continue;
    yield { name: "secret_not_after_timestamp_seconds", labels: { secret }, value: certificate.notAfter / 1000 };
  }
}

/** Every registry has a sample, so that an alert on it can tell "none held" from "not asked". */
function* heldSamples({ fleet }: Core): Iterable<Sample> {
  const counts = new Map<string, { registry: string; reason: string; value: number }>();
  for (const { name } of fleet.statuses()) counts.set(`${name}/mass-drop`, { registry: name, reason: "mass-drop", value: 0 });
  for (const { source, hold } of fleet.held()) {
    const key = `${source.registry}/${hold.reason}`;
    const count = counts.get(key) ?? { registry: source.registry, reason: hold.reason, value: 0 };
    count.value++;
    counts.set(key, count);
  }
  for (const { registry, reason, value } of counts.values())
    yield { name: "catalog_held_instances", labels: { registry, reason }, value };
}
