/** Follows one run of an adapter for the contract suite: what it has said so far, and waits with a deadline. */
import { systemClock } from "../kernel/clock.ts";
import type { Group } from "../model/group.ts";
import type { Instance } from "../model/instance.ts";
import { sourceName } from "../model/source.ts";
import type { RegistryEvent } from "./adapter.ts";

type Degraded = Extract<RegistryEvent, { type: "degraded" }>;

export interface Recorder {
  /** How often `synced` came. */
  readonly synced: number;
  readonly degraded: readonly Degraded[];
  /** Endpoints that a group or `gone` took away, in the order it happened: `web 10.1.0.1:9001`. */
  readonly losses: readonly string[];
  /** The groups as they stand, sorted by source, their instances by id. */
  groups(): readonly Group[];
  /** `address:port` of the service's instances, sorted; undefined while no source speaks of it. */
  endpoints(service: string): readonly string[] | undefined;
  /** How many instances each group event of the service had. */
  sizes(service: string): readonly number[];
  /** The kind of evidence of the last event about the service. */
  evidenceOf(service: string): string | undefined;
  /** Resolves when the condition holds; fails after `withinMs` (15 s), or when the run ends by itself, saying what was awaited. */
  until(condition: () => boolean, what: string, withinMs?: number): Promise<void>;
  /** Resolves after `ms` during which only groups equal to the known state, or `synced`, came. */
  quiet(ms: number): Promise<void>;
  /** Aborts the run, waits for its end and says how many ms that took. Rethrows what the run threw before. */
  abort(): Promise<number>;
}

const DEADLINE_MS = 15_000;

/** Starts the run at once and follows it. */
export function record(watch: (signal: AbortSignal) => AsyncIterable<RegistryEvent>): Recorder {
  const controller = new AbortController();
  const seen = createState();
  let ended: { readonly error?: unknown } | undefined;
  let notify: () => void = () => undefined;
  const run = async () => {
    try {
      for await (const event of watch(controller.signal)) {
        seen.apply(event);
        notify();
      }
      ended = {};
    } catch (error) {
      // The abort's own reason is a proper end; everything else is told to whoever waits.
      ended = controller.signal.aborted ? {} : { error };
    }
    notify();
  };
  const running = run();

  const until = async (condition: () => boolean, what: string, withinMs = DEADLINE_MS) => {
    const deadline = new AbortController();
    let over = false;
    const timer = systemClock.sleep(withinMs, deadline.signal).then(
      () => {
        over = true;
        notify();
      },
      () => undefined, // The deadline was called off below.
    );
    while (!condition() && ended === undefined && !over)
      await new Promise<void>((resolve) => {
        notify = resolve;
      });
    deadline.abort();
    await timer;
    if (condition()) return;
    if (ended !== undefined) throw new Error(`the run ended while ${what} was awaited`, { cause: ended.error });
    throw new Error(`${what} did not come within ${withinMs} ms; ${seen.describe()}`);
  };

  return {
    get synced() {
      return seen.synced;
    },
    degraded: seen.degraded,
    losses: seen.losses,
    groups: seen.groups,
    endpoints: seen.endpoints,
    sizes: (service) => seen.sizes.get(service) ?? [],
    evidenceOf: (service) => seen.evidence.get(service),
    until,
    async quiet(ms) {
      const before = JSON.stringify(seen.groups());
      await systemClock.sleep(ms);
      if (JSON.stringify(seen.groups()) !== before) throw new Error("the groups changed though the registry did not");
    },
    async abort() {
      const from = performance.now();
      const failedBefore = ended?.error;
      controller.abort();
      await running;
      if (failedBefore !== undefined) throw failedBefore;
      return performance.now() - from;
    },
  };
}

function createState() {
  const groups = new Map<string, Group>();
  const sizes = new Map<string, number[]>();
  const evidence = new Map<string, string>();
  const losses: string[] = [];
  const degraded: Degraded[] = [];
  let synced = 0;

  const lose = (previous: Group | undefined, next: readonly Instance[]) => {
    const kept = new Set(next.map(endpointOf));
    for (const instance of previous?.instances ?? [])
      if (!kept.has(endpointOf(instance))) losses.push(`${previous?.service.name} ${endpointOf(instance)}`);
  };
  const byService = (service: string) => [...groups.values()].find((group) => group.service.name === service);

  return {
    sizes,
    evidence,
    losses,
    degraded,
    get synced() {
      return synced;
    },
    apply(event: RegistryEvent) {
      if (event.type === "synced") synced++;
      else if (event.type === "degraded") degraded.push(event);
      else if (event.type === "gone") {
        const previous = groups.get(sourceName(event.source));
        lose(previous, []);
        groups.delete(sourceName(event.source));
        if (previous !== undefined) evidence.set(previous.service.name, event.evidence.kind);
      } else if (event.type === "group") {
        const { group } = event;
        lose(groups.get(sourceName(group.source)), group.instances);
        groups.set(sourceName(group.source), group);
        evidence.set(group.service.name, event.evidence.kind);
        sizes.set(group.service.name, [...(sizes.get(group.service.name) ?? []), group.instances.length]);
      }
    },
    groups: () =>
      [...groups.values()]
        .map((group) => ({ ...group, instances: group.instances.toSorted((a, b) => (a.id < b.id ? -1 : 1)) }))
        .sort((a, b) => (sourceName(a.source) < sourceName(b.source) ? -1 : 1)),
    endpoints: (service: string) => byService(service)?.instances.map(endpointOf).sort(),
    describe: () =>
      `seen: ${groups.size} groups, ${synced} synced, degraded: ${degraded.map(({ error }) => error.message).join("; ") || "never"}`,
  };
}

function endpointOf({ address, ports }: Instance): string {
  return `${address}:${Object.values(ports).join()}`;
}
