/** A real Envoy, and what its admin interface says. Reference: Envoy's "Administration interface". */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, askJson } from "./http.ts";
import { freePort } from "./ports.ts";
import { type Program, startProgram, untilReady } from "./process.ts";
import { serverProgram } from "./require-server.ts";
import { tempDir } from "./temp.ts";

/** One host of a cluster, as `/clusters?format=json` shows it. */
export interface EnvoyHost {
  /** `address:port`. */
  readonly address: string;
  /** What EDS said of it: HEALTHY, DEGRADED, … */
  readonly health: string;
  readonly weight: number;
  readonly priority: number;
  /** `region/zone/subZone`. */
  readonly locality: string;
}

export interface Envoy {
  readonly program: Program;
  readonly adminUrl: string;
  /** Every cluster known through the API (CDS), by name; hosts sorted by address. */
  clusters(): Promise<ReadonlyMap<string, readonly EnvoyHost[]>>;
  /** The hosts of one cluster; empty when there is none of that name. */
  hosts(cluster: string): Promise<readonly EnvoyHost[]>;
  /** Counters and gauges whose names match the expression (RE2), by name. */
  stats(filter: string): Promise<ReadonlyMap<string, number>>;
  /** The sum of all `update_rejected` counters: configuration that Envoy refused. */
  rejectedUpdates(): Promise<number>;
  /** Names of the active listeners. */
  listeners(): Promise<readonly string[]>;
  configDump(): Promise<unknown>;
}

export interface EnvoyOptions {
  /** The whole bootstrap: YAML or JSON. */
  readonly bootstrap: string;
  readonly title?: string;
  /** Given: the bootstrap runs exactly as it is, and this is the admin port it names. */
  readonly adminPort?: number;
  /** A command that runs Envoy, given as its last arguments, in its own place, and the address it has there. */
  readonly place?: { readonly exec: readonly string[]; readonly address: string };
}

/**
 * Starts Envoy on a bootstrap and resolves when its admin interface answers. The bootstrap is not altered: only the
 * admin address is laid over it, as Envoy's own `--config-yaml` does.
 */
export async function startEnvoy(options: EnvoyOptions, scope: AsyncDisposableStack): Promise<Envoy> {
  const dir = await tempDir(scope, "envoy");
  const file = join(dir, options.bootstrap.trimStart().startsWith("{") ? "bootstrap.json" : "bootstrap.yaml");
  await writeFile(file, options.bootstrap);
  const adminPort = options.adminPort ?? (await freePort());
  const adminHost = options.place?.address ?? "127.0.0.1";
  const overlay = { admin: { address: { socket_address: { address: adminHost, port_value: adminPort } } } };
  const quiet = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning", "--drain-time-s", "2"];
  const laidOver = options.adminPort === undefined ? ["--config-yaml", JSON.stringify(overlay)] : [];
  const [command = "", ...before] = [...(options.place?.exec ?? []), serverProgram("envoy")];
  const program = startProgram(
    { title: options.title ?? "envoy", command, args: [...before, "-c", file, ...laidOver, ...quiet], cwd: dir },
    scope,
  );
  const adminUrl = `http://${adminHost}:${adminPort}`;
  await untilReady(program, () => askJson(`${adminUrl}/server_info`, { withinMs: 1000 }));
  return readerOf(program, adminUrl);
}

/** Whether Envoy has everything it waited for at its start (`/ready` answers 200, LIVE). */
export async function isLive(envoy: Envoy): Promise<boolean> {
  return (await ask(`${envoy.adminUrl}/ready`)).status === 200;
}

/** A bootstrap with `change` applied to its parsed form; only for JSON bootstraps. */
export function editBootstrap(text: string, change: (bootstrap: Record<string, unknown>) => void): string {
  const bootstrap = JSON.parse(text) as Record<string, unknown>;
  change(bootstrap);
  return JSON.stringify(bootstrap);
}

/** A stat watched over time, in the background. */
export interface StatWatch {
  /** The lowest value seen by now; undefined before the first sample. */
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly samples: number;
  stop(): void;
}

/** Samples one stat each `everyMs` (default 100), so that a dip between two assertions cannot hide. */
export function watchStat(envoy: Envoy, name: string, scope: AsyncDisposableStack, everyMs = 100): StatWatch {
  let min: number | undefined;
  let max: number | undefined;
  let samples = 0;
  let busy = false;
  const exact = `^${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`;
  const sample = async () => {
    const value = (await envoy.stats(exact)).get(name);
    if (value === undefined) return;
    samples++;
    min = Math.min(min ?? value, value);
    max = Math.max(max ?? value, value);
  };
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    // A sample that fails is one sample fewer: the caller asserts how many there were.
    sample().then(
      () => {
        busy = false;
      },
      () => {
        busy = false;
      },
    );
  }, everyMs);
  const stop = () => clearInterval(timer);
  scope.defer(stop);
  return {
    get min() {
      return min;
    },
    get max() {
      return max;
    },
    get samples() {
      return samples;
    },
    stop,
  };
}

/** The prefix of a cluster's stats: Envoy writes `_` where a cluster's name has a colon. */
export function clusterStat(cluster: string, stat: string): string {
  return `cluster.${cluster.replaceAll(":", "_")}.${stat}`;
}

interface RawHost {
  readonly address: { readonly socket_address: { readonly address: string; readonly port_value: number } };
  readonly health_status: { readonly eds_health_status?: string };
  readonly weight?: number;
  readonly priority?: number;
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string };
}

interface RawClusters {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly added_via_api?: boolean;
    readonly host_statuses?: readonly RawHost[];
  }[];
}

function readerOf(program: Program, adminUrl: string): Envoy {
  const envoy: Envoy = {
    program,
    adminUrl,
    async clusters() {
      const { cluster_statuses = [] } = await askJson<RawClusters>(`${adminUrl}/clusters?format=json`);
      const viaApi = cluster_statuses.filter(({ added_via_api }) => added_via_api === true);
      return new Map(viaApi.map(({ name, host_statuses = [] }) => [name, host_statuses.map(toHost).sort(byAddress)]));
    },
    hosts: async (cluster) => (await envoy.clusters()).get(cluster) ?? [],
    async stats(filter) {
      const url = `${adminUrl}/stats?format=json&filter=${encodeURIComponent(filter)}`;
      const { stats } = await askJson<{ stats: readonly { name?: string; value?: number }[] }>(url);
      return new Map(
        stats.flatMap(({ name, value }) => (name !== undefined && typeof value === "number" ? [[name, value]] : [])),
      );
    },
    async rejectedUpdates() {
      const rejected = await envoy.stats("update_rejected$");
      return [...rejected.values()].reduce((sum, value) => sum + value, 0);
    },
    async listeners() {
      const url = `${adminUrl}/listeners?format=json`;
      const { listener_statuses = [] } = await askJson<{ listener_statuses?: readonly { name: string }[] }>(url);
      return listener_statuses.map(({ name }) => name).sort();
    },
    configDump: () => askJson(`${adminUrl}/config_dump?include_eds`),
  };
  return envoy;
}

function toHost(raw: RawHost): EnvoyHost {
  const { address, port_value } = raw.address.socket_address;
  const { region = "", zone = "", sub_zone = "" } = raw.locality ?? {};
  return {
    address: `${address}:${port_value}`,
    health: raw.health_status.eds_health_status ?? "UNKNOWN",
    weight: raw.weight ?? 1,
    priority: raw.priority ?? 0,
    locality: `${region}/${zone}/${sub_zone}`,
  };
}

function byAddress(a: EnvoyHost, b: EnvoyHost): number {
  return a.address < b.address ? -1 : 1;
}
