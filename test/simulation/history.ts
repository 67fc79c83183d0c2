/**
 * One simulated history: real changes, faults, crashes and impatient proxies, chosen by a seed, and the oracle that looks
 * at the catalog after every step.
 *
 * The oracle: an endpoint that was served, and whose provider never left, is served still (in some form); after everything
 * is healed and quiet the catalog is exactly what providers registered, nothing is held, every proxy holds what it is
 * subscribed to, and nothing that was said to it broke the protocol.
 */
import type { Core } from "../../src/bin/core.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { UNKNOWN_LOCALITY } from "../../src/model/locality.ts";
import type { Client } from "../../src/routing/client.ts";
import { createValidator } from "../../src/xds/recording/validate.ts";
import { type Disk, startBridge } from "./bridge.ts";
import { createProxy } from "./proxy.ts";
import { createRandom } from "./random.ts";
import { simulatedConsul } from "./registries/consul.ts";
import { simulatedKubernetes } from "./registries/kubernetes.ts";
import { simulatedZooKeeper } from "./registries/zookeeper.ts";
import type { Provider, SimulatedRegistry } from "./registry.ts";

export interface History {
  readonly seed: number;
  /** What happened, a line each. */
  readonly steps: readonly string[];
  /** What must not have happened; empty: the history is good. */
  readonly breaches: readonly string[];
}

export interface HistoryOptions {
  readonly steps?: number;
  /** In place of the simulated registries: to see that the oracle sees. */
  readonly registries?: (clock: Clock) => readonly SimulatedRegistry[];
}

const SERVICES = ["s0", "s1", "s2", "s3"];
const QUIET_STEP_MS = 30_000;
/** Twelve minutes: a provider's session timeout, two holds, and every backoff fit in. */
const QUIET_STEPS = 24;
/** A provider notices within this that its record is lost, and registers again. */
const REREGISTER_MS = 45_000;

const GATEWAY: Client = {
  role: "gateway",
  gateway: "edge",
  cluster: "default",
  network: "default",
  locality: UNKNOWN_LOCALITY,
  namespace: "default",
  inbound: undefined,
};

const ALL = (clock: Clock) => [simulatedConsul(clock), simulatedZooKeeper(), simulatedKubernetes(clock)];

/** Never rejects for what the bridge does: that is in the breaches. */
export async function playHistory(seed: number, { steps = 30, registries: make = ALL }: HistoryOptions = {}): Promise<History> {
  const random = createRandom(seed);
  const clock = fakeClock();
  const registries = make(clock);
  const disk: Disk = { files: new Map(), full: false };
  const validator = createValidator();
  const env = { random, validator, now: () => clock.now() };
  const proxies = [createProxy(GATEWAY, "delta", env), createProxy(GATEWAY, "sotw", env)];
  const log: string[] = [];
  const breaches: string[] = [];
  const alive = new Map<string, { readonly provider: Provider; readonly registry: SimulatedRegistry }>();
  /** Endpoints that were served and whose provider has not left since. */
  const owed = new Set<string>();
  const lost: { readonly at: number; readonly registry: SimulatedRegistry }[] = [];
  const faulty = new Set<SimulatedRegistry>();
  let epoch = 0;
  let made = 0;
  let core: Core | undefined;

  const keyOf = (kind: string, { service, address, port }: Provider) => `${kind} ${service} ${address}:${port}`;
  const served = (): ReadonlySet<string> => {
    const { services, sync } = core?.catalog.snapshot() ?? { services: new Map(), sync: "waiting" };
    if (sync === "waiting") return new Set();
    return new Set(
      [...services.values()].flatMap(({ key, instances }) =>
        instances.map(({ source, address, ports }) => `${source.registry} ${key.name} ${address}:${ports["http"]}`),
      ),
    );
  };
  const start = () => {
    const adapters = registries.map((registry) => registry.adapter());
    core = startBridge({ clock, random, adapters, services: SERVICES, disk });
    epoch++;
    for (const proxy of proxies) proxy.connect(core.views, `e${epoch}`);
  };
  const look = (when: string) => {
    if (core === undefined || core.catalog.snapshot().sync === "waiting") return;
    const now = served();
    for (const key of owed) {
      if (now.has(key)) continue;
      breaches.push(`${when}: ${key} was withdrawn, though its provider never left`);
      owed.delete(key);
    }
    for (const [key] of alive) if (now.has(key)) owed.add(key);
  };
  const pass = async (ms: number, when: string) => {
    for (let left = ms; left > 0; left -= 5000) {
      await clock.advance(Math.min(left, 5000));
      for (const entry of lost.filter(({ at }) => at <= clock.monotonic())) {
        lost.splice(lost.indexOf(entry), 1);
        registerAgain(entry.registry);
      }
      for (const proxy of proxies) if (!random.chance(0.2)) proxy.pump(true);
      look(when);
    }
  };

  const registerAgain = (registry: SimulatedRegistry) => {
    for (const one of alive.values()) if (one.registry === registry) registry.register(one.provider);
  };
  const register = (registry: SimulatedRegistry) => {
    made++;
    const address = `10.${registries.indexOf(registry) + 1}.${Math.floor(made / 250)}.${(made % 250) + 1}`;
    const provider = { service: random.pick(SERVICES), id: `i${made}`, address, port: 8000 };
    alive.set(keyOf(registry.kind, provider), { provider, registry });
    registry.register(provider);
    return `${registry.kind}: ${provider.service} registers ${address}`;
  };
  const deregister = () => {
    if (alive.size === 0) return "nobody to leave";
    const [key, { provider, registry }] = random.pick([...alive]);
    alive.delete(key);
    owed.delete(key);
    registry.deregister(provider);
    return `${key} leaves`;
  };
  const crash = async () => {
    for (const proxy of proxies) proxy.disconnect();
    // A registry that loses a few records while nobody looks cannot be told from one whose providers left.
    for (const { registry: one } of lost.splice(0)) registerAgain(one);
    await Promise.race([core?.stop(), clock.advance(0)]);
    // What could not be written is lost with the process, as long as its registry cannot be read.
    if (disk.full) owed.clear();
    disk.full = random.chance(0.2);
    start();
    return `the bridge crashes and starts again${disk.full ? ", its disk full" : ""}`;
  };
  const beginFault = (registry: SimulatedRegistry) => {
    const name = random.pick(Object.keys(registry.lasting));
    registry.lasting[name]?.(random);
    faulty.add(registry);
    return `${registry.kind}: ${name}`;
  };
  const strike = (registry: SimulatedRegistry) => {
    const name = random.pick(Object.keys(registry.sudden));
    const fault = registry.sudden[name];
    // A registry emptied before this process has read it even once cannot be told from one whose providers left.
    const read = core?.fleet.statuses().find(({ kind }) => kind === registry.kind)?.lastSyncAt !== undefined;
    if (fault?.losesRecords && !read) return `${registry.kind}: ${name} comes too early`;
    fault?.strike(random);
    // What the restore brought back of those that have left is taken out by nobody but the registry's own clean-up.
    if (fault?.losesRecords) lost.push({ at: clock.monotonic() + random.below(REREGISTER_MS), registry });
    return `${registry.kind}: ${name}`;
  };
  const heal = (registry: SimulatedRegistry) => {
    registry.heal();
    faulty.delete(registry);
    return `${registry.kind}: healed`;
  };
  const reconnect = () => {
    const proxy = random.pick(proxies);
    proxy.disconnect();
    if (core !== undefined) proxy.connect(core.views, `e${epoch}`);
    return "a proxy reconnects";
  };

  const step = async (): Promise<string> => {
    const registry = random.pick(registries);
    const roll = random.next();
    if (roll < 0.35) return register(registry);
    if (roll < 0.55) return deregister();
    if (roll < 0.67) return beginFault(registry);
    if (roll < 0.77) return strike(registry);
    if (roll < 0.9) return heal(registry);
    return roll < 0.95 ? reconnect() : await crash();
  };

  for (const registry of registries) for (let index = 0; index < 4; index++) register(registry);
  start();
  await pass(10_000, "at the start");
  for (let index = 0; index < steps; index++) {
    const happened = await step();
    log.push(`${String(clock.monotonic()).padStart(8)} ${happened}`);
    await pass(random.pick([0, 10, 1000, 10_000, 60_000]), happened);
  }

  for (const registry of registries) heal(registry);
  // What a restore brought back of those that had left goes now, as it does when a registry's own checks find out.
  for (const { registry } of lost.splice(0)) registerAgain(registry);
  cleanUp(registries, alive, made);
  for (let index = 0; index < QUIET_STEPS; index++) await pass(QUIET_STEP_MS, "while all is quiet");
  judgeTheEnd();
  await Promise.race([core?.stop(), clock.advance(60_000)]);
  return { seed, steps: log, breaches };

  function judgeTheEnd() {
    const expected = new Set(alive.keys());
    const now = served();
    for (const key of expected) if (!now.has(key)) breaches.push(`in the end ${key} is missing`);
    for (const key of now) if (!expected.has(key)) breaches.push(`in the end ${key} is left over`);
    for (const { instance, hold } of core?.fleet.held() ?? []) breaches.push(`in the end ${instance} is held (${hold.reason})`);
    for (const [index, proxy] of proxies.entries()) {
      proxy.disconnect();
      if (core !== undefined) proxy.connect(core.views, `e${epoch}`);
      proxy.pump(false);
      for (const difference of proxy.differences()) breaches.push(`in the end proxy ${index}: ${difference}`);
      breaches.push(...proxy.breaches.map((breach) => `proxy ${index}: ${breach}`));
    }
    for (const { rule, detail } of validator.result().violations) breaches.push(`xDS ${rule}: ${detail}`);
  }
}

/** Takes out whatever a registry still has of providers that have left. */
function cleanUp(
  registries: readonly SimulatedRegistry[],
  alive: ReadonlyMap<string, { readonly provider: Provider }>,
  made: number,
): void {
  const ids = new Set([...alive.values()].map(({ provider }) => provider.id));
  for (const registry of registries)
    for (const service of SERVICES)
      for (let index = 1; index <= made; index++)
        if (!ids.has(`i${index}`)) registry.deregister({ service, id: `i${index}`, address: "", port: 0 });
}
