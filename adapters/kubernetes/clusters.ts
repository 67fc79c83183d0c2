/**
 * All clusters of one registry, which come and go while it runs. Three events that are never confused: a cluster that is
 * *unreachable* stays as it is; one *removed by its operator* drains, then leaves with all it said; one with *changed
 * credentials* is followed with the new ones beside the old, and only when the new have listed everything do they take over.
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../src/kernel/clock.ts";
import { MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import { AUTHORITATIVE, BY_OPERATOR, type Evidence } from "../../src/model/evidence.ts";
import type { Group } from "../../src/model/group.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import type { ClusterSpec } from "./specs.ts";

/** A followed cluster. */
export interface Following {
  readonly batches: AsyncGenerator<readonly RegistryEvent[]>;
  /** Ends it; its batches end soon after. */
  stop(): void;
}

export interface ClustersOptions {
  /** The registry's name, for sources. */
  readonly registry: string;
  /**
   * Begins to follow a cluster; rejects with MB_KUBECONFIG_INVALID. `versions` are, by path, what an earlier connection to
   * it has seen, and are kept up to date.
   */
  follow(spec: ClusterSpec, versions: Map<string, string>): Promise<Following>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How long the instances of a removed cluster are draining before they leave, in ms. */
const DRAIN_MS = 10_000;

/** A batch, and the cluster it is of. */
export interface ClusterBatch {
  readonly cluster: string;
  readonly events: readonly RegistryEvent[];
}

export interface Clusters {
  /** Makes the clusters those given; `undefined`: leave that one as it is. Resolves with what is gone by that. */
  configure(specs: ReadonlyMap<string, ClusterSpec | undefined>): Promise<readonly ClusterBatch[]>;
  /** The next batch of whichever cluster; rejects with the signal's reason. Undefined when `configure` should be looked at. */
  next(): Promise<ClusterBatch | undefined>;
  readonly names: ReadonlySet<string>;
  stop(): void;
}

interface Run {
  readonly spec: ClusterSpec;
  readonly following: Following;
  readonly versions: Map<string, string>;
  pending: Promise<Step>;
  /** What it said while it is built beside another: the newest of each scope. */
  readonly said: Map<string, RegistryEvent>;
}

interface Step {
  readonly run: Run;
  readonly events: readonly RegistryEvent[];
  readonly done: boolean;
}

interface Member {
  active: Run | undefined;
  next: Run | undefined;
  /** What was passed on and not taken back, by scope. */
  readonly groups: Map<string, Group>;
  /** Set while it is being removed. */
  leaving: Promise<void> | undefined;
}

export function createClusters({ registry, follow, clock, signal }: ClustersOptions): Clusters {
  const members = new Map<string, Member>();
  let wake: () => void = () => undefined;

  const start = async (spec: ClusterSpec, before: Run | undefined): Promise<Run> => {
    const versions = new Map(before?.versions);
    const following = await follow(spec, versions);
    const run: Run = { spec, following, versions, said: new Map(), pending: Promise.reject(new Error("replaced at once")) };
    // Replaced before anybody could look at it.
    run.pending.catch(() => undefined);
    run.pending = advance(run);
    return run;
  };
  const advance = async (run: Run): Promise<Step> => {
    const { value = [], done = false } = await run.following.batches.next();
    return { run, events: value ?? [], done };
  };
  const stopRun = (run: Run | undefined) => {
    run?.following.stop();
    // It ends with its own abort, which nobody awaits any more.
    run?.pending.catch(() => undefined);
  };

  const remember = ({ groups }: Member, events: readonly RegistryEvent[]) => {
    for (const event of events) {
      if (event.type === "group") groups.set(event.group.source.scope, event.group);
      else if (event.type === "gone") groups.delete(event.source.scope);
    }
    return events;
  };
  const goneEvents = (scopes: Iterable<string>, evidence: Evidence): readonly RegistryEvent[] =>
    [...scopes].map((scope) => ({ type: "gone", source: { registry, scope }, evidence }));

  const remove = (name: string, member: Member): readonly ClusterBatch[] => {
    if (member.leaving !== undefined) return [];
    stopRun(member.active);
    stopRun(member.next);
    member.active = undefined;
    member.next = undefined;
    // The only rejection of the sleep is the end of everything.
    member.leaving = clock.sleep(DRAIN_MS, signal).catch(() => undefined);
    return [{ cluster: name, events: [...member.groups.values()].map(draining) }];
  };

  const memberOf = (name: string): Member => {
    const member = members.get(name) ?? { active: undefined, next: undefined, groups: new Map(), leaving: undefined };
    members.set(name, member);
    return member;
  };

  const add = async (name: string, spec: ClusterSpec): Promise<readonly ClusterBatch[]> => {
    const member = memberOf(name);
    member.leaving = undefined;
    const latest = member.next ?? member.active;
    if (latest !== undefined && isDeepStrictEqual(latest.spec, spec)) return [];
    try {
      const run = await start(spec, member.active);
      stopRun(member.next);
      // What a cluster that is added again said before stays until its first list is in, like that of a changed one.
      if (member.active === undefined && member.groups.size === 0) member.active = run;
      else member.next = run;
      return [];
    } catch (cause) {
      const known = cause instanceof MeshbridgeError;
      const reason = { origin: spec.origin, field: "the whole", reason: reasonOf(cause) };
      return [
        {
          cluster: name,
          events: [{ type: "degraded", error: known ? cause : fail("MB_KUBECONFIG_INVALID", reason, { cause }) }],
        },
      ];
    }
  };

  /** What the run built beside says: kept until it is current, then passed on as a whole. */
  const takeNext = (member: Member, run: Run, events: readonly RegistryEvent[]): readonly RegistryEvent[] => {
    for (const event of events) {
      if (event.type === "group") run.said.set(event.group.source.scope, event);
      else if (event.type === "gone") run.said.delete(event.source.scope);
    }
    const synced = events.findLast((event) => event.type === "synced");
    if (synced === undefined) return events.filter(({ type }) => type === "degraded");
    stopRun(member.active);
    member.active = run;
    member.next = undefined;
    const missing = [...member.groups.keys()].filter((scope) => !run.said.has(scope));
    return remember(member, [...run.said.values(), ...goneEvents(missing, synced.evidence), synced]);
  };

  const take = (cluster: string, { run, events, done }: Step): ClusterBatch => {
    const member = members.get(cluster);
    if (member === undefined || (member.active !== run && member.next !== run)) return { cluster, events: [] };
    run.pending = done ? NEVER : advance(run);
    return { cluster, events: member.next === run ? takeNext(member, run, events) : remember(member, events) };
  };

  const leave = (name: string, member: Member): ClusterBatch => {
    members.delete(name);
    return { cluster: name, events: goneEvents(member.groups.keys(), BY_OPERATOR) };
  };

  return {
    get names() {
      return new Set([...members].filter(([, { leaving }]) => leaving === undefined).map(([name]) => name));
    },
    async configure(specs) {
      const batches: ClusterBatch[] = [];
      for (const [name, member] of members) if (!specs.has(name)) batches.push(...remove(name, member));
      for (const [name, spec] of specs) {
        if (spec !== undefined) batches.push(...(await add(name, spec)));
        else memberOf(name);
      }
      wake();
      return batches;
    },
    async next() {
      const woken = new Promise<undefined>((resolve) => {
        wake = () => resolve(undefined);
      });
      const waits = [...members].flatMap(([name, member]) => {
        const runs = [member.active, member.next].filter((run) => run !== undefined);
        const { leaving } = member;
        const steps = runs.map((run) => run.pending.then((step) => () => take(name, step)));
        return leaving === undefined ? steps : [...steps, leaving.then(() => () => leave(name, member))];
      });
      // What lost the race is still there for the next one: nothing is done before the winner is known.
      const first = await Promise.race([woken, ...waits]);
      return first?.();
    },
    stop() {
      for (const { active, next } of members.values()) for (const run of [active, next]) stopRun(run);
    },
  };
}

const NEVER = new Promise<never>(() => undefined);

function draining(event: Group): RegistryEvent {
  const instances = event.instances.map((instance) => ({ ...instance, health: "draining" as const }));
  return { type: "group", group: { ...event, instances }, evidence: AUTHORITATIVE };
}
