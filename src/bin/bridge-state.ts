/** The read-only face of everything for the admin API. */
import type { EventLog } from "../admin/events.ts";
import type { BridgeState, ConfigStatus, DnsView, Drains, DumpedResource, ReadinessCheck } from "../admin/state.ts";
import { redact } from "../config/redact.ts";
import type { ResolvedConfig } from "../config/resolved.ts";
import type { Clock } from "../kernel/clock.ts";
import type { MeshbridgeError } from "../kernel/errors.ts";
import type { LinkServer } from "../link/server.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import type { LogControl } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { resourceJson } from "../xds/dump.ts";
import type { Loads } from "../xds/load/loads.ts";
import type { Proxies } from "../xds/proxies.ts";
import { TYPE_URL } from "../xds/types.ts";
import type { Core } from "./core.ts";
import { peersBehind } from "./links.ts";

export interface BridgeStateOptions {
  readonly version: string;
  readonly path: string;
  readonly core: Core;
  readonly proxies: Proxies;
  readonly loads: Loads;
  readonly metrics: Metrics;
  readonly events: EventLog;
  readonly logControl: Omit<LogControl, "log">;
  readonly clock: Clock;
  readonly drains: Drains;
  readonly dns: DnsView;
  readonly links: Pick<LinkServer, "readers">;
  config(): ResolvedConfig;
}

/** The face, and how the composition root tells it what has no stage of its own. */
export interface OwnedBridgeState extends BridgeState {
  reloaded(restartNeeded: readonly string[]): void;
  reloadFailed(error: MeshbridgeError): void;
  /** From here on it is not ready. */
  stopping(): void;
}

const DUMP_TYPES: readonly (readonly [DumpedResource["type"], string])[] = [
  ["clusters", TYPE_URL.cluster],
  ["endpoints", TYPE_URL.endpoint],
  ["listeners", TYPE_URL.listener],
  ["routes", TYPE_URL.route],
];

export function createBridgeState(options: BridgeStateOptions): OwnedBridgeState {
  const { version, path, core, proxies, loads, metrics, events, logControl, clock } = options;
  const startedAt = clock.now();
  let reload: ConfigStatus["reload"] = { ok: true, at: startedAt, restartNeeded: [] };
  let stopping = false;
  return {
    version: () => ({ version, node: process.versions.node, startedAt }),
    catalog: () => core.snapshot(),
    servedVersion: () => core.servedVersion(),
    drains: options.drains,
    dns: options.dns,
    links: () => {
      const { mesh, links } = options.config();
      return {
        cluster: mesh.cluster,
        peers: links.peers,
        readers: options.links.readers(),
        peerOf: peersBehind(core, options.config()),
      };
    },
    registries: () => core.fleet.statuses(),
    rejected: () => core.fleet.rejected(),
    held: () => core.fleet.held(),
    releaseHolds: (registry, filter) => {
      const released = core.fleet.release(registry, filter);
      if (released !== undefined)
        events.add("registry", `${released} held instances of ${registry} released by the operator`, {
          registry,
          released,
          ...filter,
        });
      return released;
    },
    proxies: () => proxies.statuses(),
    loads: () => loads.all(),
    droppedRequests: () => loads.dropped(),
    resourceSeq: (view, typeUrl, name) => {
      const table = core.views.tables(view)?.table(typeUrl);
      return table?.get(name) === undefined ? undefined : table.changedAt(name);
    },
    dump: (view) => {
      const tables = core.views.tables(view);
      return (
        tables &&
        DUMP_TYPES.flatMap(([type, typeUrl]) =>
          tables
            .table(typeUrl)
            .all()
            .map((one) => dumped(type, one)),
        )
      );
    },
    traffic: () => core.traffic(),
    conditions: () =>
      core.views
        .conditions()
        .map(({ view, client, conditions }) => ({ view, role: client.role, gateway: client.gateway, conditions })),
    config: () => ({ file: path, effective: redact(options.config().raw), reload }),
    checks: () => checks(core, stopping),
    logLevel: () => logControl.level(),
    setLogLevel: (level) => logControl.setLevel(level),
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
    neutralClient: () => {
      const { cluster, network } = options.config().mesh;
      return {
        role: "sidecar",
        gateway: "",
        cluster,
        network,
        locality: UNKNOWN_LOCALITY,
        namespace: "default",
        inbound: undefined,
      };
    },
    events,
    reloaded: (restartNeeded) => {
      reload = { ok: true, at: clock.now(), restartNeeded };
    },
    reloadFailed: ({ code, message, next }) => {
      reload = { ok: false, at: clock.now(), error: { code, message, next }, restartNeeded: reload.restartNeeded };
    },
    stopping: () => {
      stopping = true;
    },
  };
}

function dumped(type: DumpedResource["type"], resource: Parameters<typeof resourceJson>[0]): DumpedResource {
  return { type, name: resource.name, version: resource.version, resource: resourceJson(resource) };
}

/** Ready means that xDS is served; a registry that failed later on is its own matter and makes nobody restart the bridge. */
function checks(core: Core, stopping: boolean): readonly ReadinessCheck[] {
  const { sync } = core.catalog.snapshot();
  const served = sync !== "waiting";
  return [
    { name: "running", ok: !stopping, message: stopping ? "the bridge is stopping" : "ok" },
    ...core.fleet.statuses().map(({ name, state, lastSyncAt, lastError }) => ({
      name: `registry ${name}`,
      ok: served || lastSyncAt !== undefined,
      message: lastSyncAt === undefined ? (lastError?.message ?? "has not been read yet") : state,
    })),
    { name: "catalog", ok: served, message: served ? `served (${sync})` : "waits for the registries" },
  ];
}
