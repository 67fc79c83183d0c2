/**
 * The guard against mass removal, deterministic and without I/O. A registry that was wiped, restored from the wrong backup
 * or cut in half answers with full conviction; so what leaves *at once* is looked at together, whatever the evidence.
 *
 * Only instances that took traffic count: one that was unhealthy or draining before it left takes nothing along. New
 * instances of the same service make up for old ones, so that a deploy is no loss. Of a single service up to a third
 * may be missing for a while, as in a rolling deploy: that service alone trips nothing.
 */
import type { Group } from "../model/group.ts";
import { isUsable } from "../model/health.ts";
import type { Instance } from "../model/instance.ts";
import type { ProtectionLimits } from "./settings.ts";

/** How long an arrival makes up for a loss: a deploy may run both generations side by side for a while. */
const REPLACEMENT_MS = 300_000;
/** Share of one service that a rolling deploy may take away at a time: Kubernetes' own default is a quarter. */
const ROLLING_SHARE = 1 / 3;

export interface DropGuard {
  /**
   * The source's group so far, with what is held, and what it says now (sanitised), at monotonic time `now`.
   * `before` undefined: its first statement, which brings no arrivals.
   */
  observe(source: string, before: Group | undefined, after: Group, now: number): void;
  /** What left within the window and must be held; empty while no limit is passed. */
  held(now: number): readonly MassDrop[];
  /** Forgets what the source lost: the operator has said that it is meant. */
  forgive(source: string): void;
}

/** What one source lost while too much was leaving. */
export interface MassDrop {
  /** The group as it was when it last lost something: there may be nothing left of it. */
  readonly group: Group;
  readonly instances: readonly Instance[];
}

interface SourceHistory {
  /** Before its last loss. */
  last: Group | undefined;
  /** When each of them came that came within the last minutes and has made up for nothing yet; oldest first. */
  readonly arrivals: Map<string, number>;
  /** Those that left within the window and nothing has made up for; oldest first. */
  readonly losses: Map<string, { readonly instance: Instance; readonly at: number }>;
}

/** Undefined limits: nothing is ever held. */
export function createDropGuard(limits: ProtectionLimits | undefined): DropGuard {
  if (limits === undefined) return { observe: () => undefined, held: () => NOTHING, forgive: () => undefined };
  /** Of sources where something came or left lately: most of thousands are quiet. */
  const histories = new Map<string, SourceHistory>();
  /** How many instances of each source take traffic now. */
  const servingOf = new Map<string, number>();
  /** Sources with losses: judging looks at no other. */
  const losing = new Set<string>();
  let serving = 0;

  const prune = (now: number) => {
    for (const source of losing) {
      const losses = histories.get(source)?.losses ?? new Map();
      for (const [id, { at }] of losses) if (now - at > limits.windowMs) losses.delete(id);
      if (losses.size === 0) losing.delete(source);
    }
  };

  return {
    observe(source, before, after, now) {
      const history = histories.get(source) ?? newHistory();
      const { arrived, lost, usable } = compare(before, after);
      // What was held and is named again is no loss any more, and one that left and is back is no newcomer.
      const returned = new Set(usable.filter((id) => history.losses.delete(id)));
      for (const [id, at] of history.arrivals) if (now - at > REPLACEMENT_MS) history.arrivals.delete(id);
      lose(history, lost, now);
      const newcomers = arrived.filter((id) => !returned.has(id));
      if (before !== undefined) arrive(history, newcomers, now);
      if (lost.length > 0) history.last = before;
      if (history.losses.size > 0) losing.add(source);
      serving += usable.length - (servingOf.get(source) ?? 0);
      if (usable.length === 0) servingOf.delete(source);
      else servingOf.set(source, usable.length);
      if ((usable.length === 0 || history.arrivals.size === 0) && history.losses.size === 0) histories.delete(source);
      else histories.set(source, history);
    },
    held(now) {
      if (losing.size === 0) return NOTHING;
      prune(now);
      const drops = [...losing].flatMap((source) => dropOf(histories.get(source), servingOf.get(source) ?? 0));
      const tripped = isMassDrop(drops, serving, limits);
      const held = drops.filter(({ emptied, size }) => tripped || (emptied && size >= limits.service));
      return held;
    },
    forgive(source) {
      histories.get(source)?.losses.clear();
      losing.delete(source);
    },
  };
}

const NOTHING: readonly MassDrop[] = [];

function newHistory(): SourceHistory {
  return { last: undefined, arrivals: new Map(), losses: new Map() };
}

/** What is named but takes no traffic has neither come nor gone; what was held and is named again is no newcomer. */
function compare(before: Group | undefined, after: Group) {
  const named = new Set(after.instances.map(({ id }) => id));
  const usableBefore = (before?.instances ?? []).filter(({ health }) => isUsable(health));
  const known = new Set(usableBefore.map(({ id }) => id));
  const usable = after.instances.filter(({ health }) => isUsable(health)).map(({ id }) => id);
  const lost = usableBefore.filter(({ id, hold }) => hold === undefined && !named.has(id));
  return { arrived: usable.filter((id) => !known.has(id)), lost, usable };
}

/**
 * What leaves is made up for by what came lately. A newcomer that leaves again takes nothing away that was there before:
 * a deploy that is rolled back.
 */
function lose({ arrivals, losses }: SourceHistory, lost: readonly Instance[], now: number): void {
  const old = lost.filter(({ id }) => !arrivals.delete(id));
  const uncovered = old.slice(arrivals.size);
  for (const id of [...arrivals.keys()].slice(0, old.length)) arrivals.delete(id);
  for (const instance of uncovered) losses.set(instance.id, { instance, at: now });
}

/** What comes makes up for what left first, and for what leaves next. */
function arrive({ arrivals, losses }: SourceHistory, newcomers: readonly string[], now: number): void {
  const covered = [...losses.keys()].slice(0, newcomers.length);
  for (const id of covered) losses.delete(id);
  for (const id of newcomers.slice(covered.length)) arrivals.set(id, now);
}

interface Drop extends MassDrop {
  /** How many took traffic before. */
  readonly size: number;
  readonly emptied: boolean;
}

function dropOf(history: SourceHistory | undefined, serving: number): readonly Drop[] {
  if (history?.last === undefined) return [];
  const { last: group, losses } = history;
  const instances = [...losses.values()].map(({ instance }) => instance);
  return [{ group, instances, size: serving + losses.size, emptied: serving === 0 }];
}

function isMassDrop(drops: readonly Drop[], serving: number, { share, count }: ProtectionLimits): boolean {
  const lost = drops.reduce((sum, { instances }) => sum + instances.length, 0);
  const rolling = drops.filter(({ instances, size }) => instances.length <= size * ROLLING_SHARE);
  const counted = lost - Math.max(0, ...rolling.map(({ instances }) => instances.length));
  return counted > count && counted > share * (serving + lost);
}
