/**
 * `npm run bench -- scaling`: what many clients cost, by simulation: rounds of the xDS server as `src/xds/server/pacer.ts`
 * spaces them, with the costs that `peers` measures on one machine. No servers, no I/O; the same figures at each run.
 */
import { percentile, shown } from "./support/figures.ts";

/** Measured by `peers flip` and `peers steady` (docs/reference/performance.md): a push, its ACK, and a MiB of responses. */
const COST = { pushMs: 0.02, ackMs: 0.015, mibMs: 0.6 };
const RESOURCE_MIB = 1.5 / 1024;
/** As in pacer.ts. */
const PACE = { spare: 7, maxGapMs: 20 };
/** From one bridge to the next: the network between two sites, and a link's own reading. */
const HOP_MS = 5;
const SIMULATED_MS = 20_000;
const CLIENTS_PER_BRIDGE = 1000;
/** Older than this at the 99th percentile, and older the longer it lasts. */
const LOST_MS = 5000;

interface Layout {
  readonly name: string;
  /** Bridges that serve proxies, each with its part of them. */
  readonly bridges: number;
  /** The part of all changes that a bridge's views have to do with. */
  readonly share: number;
  /** Bridges read a root bridge in place of the registries. */
  readonly relayed: boolean;
}

interface Outcome {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one bridge; it has one. */
  readonly cores: number;
  /** Of all, the root included. */
  readonly allCores: number;
  /** Bridges that read the registries. */
  readonly readers: number;
}

/** Resolves with 0. */
export async function run(): Promise<number> {
  const head = ["clients", "changes/s", "layout", "cores each", "cores", "read the registries", "age p50 ms", "p99 ms"];
  const lines = [`| ${head.join(" | ")} |`, `|${"---|".repeat(head.length)}`];
  for (const clients of [1000, 5000, 20_000, 100_000])
    for (const rate of [1, 10, 100])
      for (const layout of layoutsFor(clients)) {
        const { p50Ms, p99Ms, cores, allCores, readers } = simulate(clients, rate, layout);
        const ages = p99Ms > LOST_MS ? ["does not keep up", ""] : [shown(p50Ms), shown(p99Ms)];
        lines.push(`| ${[clients, rate, layout.name, shown(cores), shown(allCores), readers, ...ages].join(" | ")} |`);
      }
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

function layoutsFor(clients: number): readonly Layout[] {
  const bridges = Math.ceil(clients / CLIENTS_PER_BRIDGE);
  const one: Layout = { name: "one bridge", bridges: 1, share: 1, relayed: false };
  if (bridges === 1) return [one];
  return [
    one,
    { name: `${bridges} replicas`, bridges, share: 1, relayed: false },
    { name: `${bridges} shards by view`, bridges, share: 1 / Math.min(bridges, 10), relayed: false },
    { name: `${bridges} relays and a root`, bridges, share: 1, relayed: true },
  ];
}

function simulate(clients: number, rate: number, { bridges, share, relayed }: Layout): Outcome {
  const leaf = serve(Math.ceil(clients / bridges), arrivals(rate * share));
  if (!relayed) {
    const { ages, cores } = leaf;
    return { p50Ms: percentile(ages, 0.5), p99Ms: percentile(ages, 0.99), cores, allCores: cores * bridges, readers: bridges };
  }
  // The relays are the root's clients; what leaves it in a round arrives at them together.
  const root = serve(bridges, arrivals(rate));
  const sent = root.sentAt.map((at) => at + HOP_MS);
  const behind = serve(Math.ceil(clients / bridges), sent);
  const ages = behind.ages.map((age, index) => age + HOP_MS + (root.ages[index] ?? 0));
  const allCores = root.cores + behind.cores * bridges;
  return {
    p50Ms: percentile(ages, 0.5),
    p99Ms: percentile(ages, 0.99),
    cores: Math.max(root.cores, behind.cores),
    allCores,
    readers: 1,
  };
}

interface Served {
  /** Of each change, by the order of arrival: from then until the last client's push has been written. */
  readonly ages: readonly number[];
  readonly sentAt: readonly number[];
  readonly cores: number;
}

/** One bridge's rounds. Streams answer before the next round, as they do unless they are slow. */
function serve(clients: number, changes: readonly number[]): Served {
  const ages: number[] = [];
  const sentAt: number[] = [];
  let [freeAt, nextAt, busy] = [0, 0, 0];
  for (let first = 0; first < changes.length; ) {
    const startedAt = Math.max(changes[first] ?? 0, nextAt, freeAt);
    let last = first;
    while ((changes[last] ?? Number.POSITIVE_INFINITY) <= startedAt) last++;
    const took = clients * (COST.pushMs + (last - first) * RESOURCE_MIB * COST.mibMs);
    for (let index = first; index < last; index++) {
      ages.push(startedAt + took - (changes[index] ?? 0));
      sentAt.push(startedAt + took);
    }
    nextAt = startedAt + took + Math.min(PACE.maxGapMs, took * PACE.spare);
    freeAt = startedAt + took + clients * COST.ackMs;
    busy += freeAt - startedAt;
    first = last;
  }
  return { ages, sentAt, cores: busy / SIMULATED_MS };
}

/** Evenly spread with a jitter that is the same at each run: changes of a real fleet keep no beat. */
function arrivals(rate: number): readonly number[] {
  const count = Math.max(1, Math.round((rate * SIMULATED_MS) / 1000));
  const spacing = SIMULATED_MS / count;
  return Array.from({ length: count }, (_, index) => (index + ((index * 0.618) % 1)) * spacing);
}
