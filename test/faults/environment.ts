/** One bridge before all three registries, watched by an ADS client: where every cell of the matrix happens. */
import { rm, statfs, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { nodeOf } from "../../bench/support/measure-changes.ts";
import { type Bridge, createWorkspace, startBridge, type Workspace } from "../support/bridge.ts";
import { type DriverOptions, endpointOf, type RegistryDriver, type RegistryKind, type TestInstance } from "./driver.ts";
import { startConsulDriver } from "./drivers/consul.ts";
import { startKubernetesDriver } from "./drivers/kubernetes.ts";
import { startZooKeeperDriver } from "./drivers/zookeeper.ts";
import { type Observer, startObserver } from "./observer.ts";

/** Services of every registry, by what the matrix does with them; names end in the registry's kind. */
const SERVICES = {
  /** Ten instances, which no provider takes away but in the cells that say so. */
  many: 10,
  /** One instance. */
  solo: 1,
  /** One instance that stays, and one that comes and goes. */
  pulse: 1,
} as const;
export type ServiceRole = keyof typeof SERVICES;

export interface Environment {
  readonly drivers: ReadonlyMap<RegistryKind, RegistryDriver>;
  readonly observer: Observer;
  readonly bridge: Bridge;
  readonly workspace: Workspace;
  /** Moves the bridge's wall clock so far from the truth. */
  shiftClock(ms: number): Promise<void>;
  /** Leaves no byte free where the bridge keeps its state. */
  fillDisk(): Promise<void>;
  freeDisk(): Promise<void>;
}

const STARTERS = { consul: startConsulDriver, zookeeper: startZooKeeperDriver, kubernetes: startKubernetesDriver } as const;
const NETWORKS = { consul: "10.1", zookeeper: "10.2", kubernetes: "10.3" } as const;
const PORTS = { many: 8001, solo: 8002, pulse: 8003 } as const;
const CLOCK = fileURLToPath(new URL("../support/shifted-clock-main.ts", import.meta.url));
const DISK_BYTES = 512 * 1024;
const CONVERGED_WITHIN_MS = 30_000;
const GATEWAY = { name: "edge", listeners: [{ name: "http", port: 8080, protocol: "HTTP" }] };

/** The `index`th instance of a service, 0 and up. */
export function instanceOf(kind: RegistryKind, role: ServiceRole, index: number): TestInstance {
  return { service: `${role}-${kind}`, address: `${NETWORKS[kind]}.0.${index + 1}`, port: PORTS[role] };
}

export function instancesOf(kind: RegistryKind, role: ServiceRole): readonly TestInstance[] {
  return Array.from({ length: SERVICES[role] }, (_, index) => instanceOf(kind, role, index));
}

/** Everything that a registry's providers have registered. */
export function everythingOf(kind: RegistryKind): readonly TestInstance[] {
  return (Object.keys(SERVICES) as ServiceRole[]).flatMap((role) => instancesOf(kind, role));
}

export interface EnvironmentOptions {
  readonly kinds: readonly RegistryKind[];
  /** How the registry is started that the cell is about. */
  readonly target: {
    readonly kind: RegistryKind;
    readonly options: DriverOptions;
    /** Told when half of its instances are registered. */
    readonly prepare?: (driver: RegistryDriver) => Promise<void>;
  };
  /** Needs root, or user namespaces. */
  readonly smallDisk: boolean;
}

/** Resolves when the observer knows every instance as HEALTHY. */
export async function startEnvironment(options: EnvironmentOptions, scope: AsyncDisposableStack): Promise<Environment> {
  const { kinds, target, smallDisk } = options;
  const started = await Promise.all(
    kinds.map(async (kind) => {
      const driver = await STARTERS[kind](kind === target.kind ? target.options : {}, scope);
      const everything = everythingOf(kind);
      await driver.put(everything.slice(0, everything.length / 2));
      if (kind === target.kind) await target.prepare?.(driver);
      await driver.put(everything);
      return [kind, driver] as const;
    }),
  );
  const drivers = new Map(started);
  const workspace = await createWorkspace(scope);
  const configs = [...drivers.values()].map(({ config }) => config);
  const services = [...drivers].flatMap(([kind, driver]) =>
    (Object.keys(SERVICES) as ServiceRole[]).map((role) => serviceName(driver.clusterOf(`${role}-${kind}`))),
  );
  const routes = services.map((service) => ({ hosts: [`${service.replace("/", ".")}.example.com`], service, port: "http" }));
  await workspace.configure({ registries: configs, gateways: [{ ...GATEWAY, routes }] });
  for (const driver of drivers.values()) {
    driver.useWorkspace((name, text) => workspace.write(name, text));
    for (const [name, text] of Object.entries(driver.files)) await workspace.write(name, text);
  }
  const clockFile = workspace.path("clock");
  const bridge = await startBridge(workspace, scope, {
    env: { NODE_OPTIONS: `--import=${CLOCK}`, SHIFTED_CLOCK_FILE: clockFile, NODE_NO_WARNINGS: "1" },
    ...(smallDisk ? { wrapper: onSmallDisk(workspace.path("state")) } : {}),
  });
  const observer = await startObserver(
    workspace.xdsPort,
    await nodeOf(workspace, ["--role", "gateway", "--name", "edge"]),
    scope,
  );
  for (const [kind, driver] of drivers) await allHealthy(observer, driver, everythingOf(kind), CONVERGED_WITHIN_MS);
  // Inside the bridge's own mount namespace, where its state is.
  const filler = `/proc/${bridge.program.pid}/root${workspace.path("state")}/filler`;
  return {
    drivers,
    observer,
    bridge,
    workspace,
    async shiftClock(ms) {
      await workspace.write("clock", String(ms));
      bridge.program.signal("SIGUSR2");
    },
    fillDisk: () => fill(filler),
    freeDisk: () => rm(filler, { force: true }),
  };
}

/** Resolves with the ms until every one of the instances is told to be there and HEALTHY. */
export async function allHealthy(
  observer: Observer,
  driver: RegistryDriver,
  instances: readonly TestInstance[],
  withinMs: number,
): Promise<number> {
  const started = performance.now();
  for (const instance of instances) {
    const left = Math.max(0, withinMs - (performance.now() - started));
    await observer.untilHealthy(driver.clusterOf(instance.service), endpointOf(instance), left);
  }
  return performance.now() - started;
}

/** `namespace/name` of a cluster's name. */
function serviceName(cluster: string): string {
  return cluster.slice(0, cluster.lastIndexOf("/"));
}

/** Runs a command in a mount namespace of its own with a small file system at `dir`. */
function onSmallDisk(dir: string): readonly string[] {
  const script = 'mkdir -p "$0" && mount -t tmpfs -o size=$1 tmpfs "$0" && shift && exec "$@"';
  const flags = process.getuid?.() === 0 ? ["--mount"] : ["--mount", "--map-root-user"];
  return ["unshare", ...flags, "sh", "-c", script, dir, String(DISK_BYTES)];
}

async function fill(path: string): Promise<void> {
  const { bavail, bsize } = await statfs(path.slice(0, path.lastIndexOf("/")));
  if (bavail * bsize > DISK_BYTES) throw new Error(`${path} is not on the small disk`);
  await writeFile(path, Buffer.alloc(bavail * bsize));
}
