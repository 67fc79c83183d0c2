/**
 * When holds end: an instance's hold ends when authoritative answers have stood for `holdFor` since it began, without a
 * doubt in between. Monotonic times, so that a wall clock that jumps ends none early. Deterministic, no I/O.
 */
import type { Group } from "../model/group.ts";
import type { Hold } from "../model/instance.ts";
import { type ServiceId, serviceId } from "../model/service.ts";
import type { Source } from "../model/source.ts";

/** One instant on both clocks, in ms. */
export interface Moment {
  /** Since the epoch, for people. */
  readonly wall: number;
  /** For ages. */
  readonly mono: number;
}

/** Which held instances are meant; nothing given: all of the registry. */
export interface HoldFilter {
  readonly service?: ServiceId;
  readonly instance?: string;
}

/** A held instance as it is shown. */
export interface HeldInstance {
  readonly source: Source;
  readonly service: ServiceId;
  readonly instance: string;
  readonly address: string;
  readonly hold: Hold;
  /** Ms until the hold ends if nothing happens; undefined while the registry's evidence is in doubt. */
  readonly endsInMs: number | undefined;
}

export interface Holds {
  /** The group of that source is this now; undefined: it is no more. */
  update(name: string, group: Group | undefined, at: Moment): void;
  /** The registry answered with proof. */
  trust(at: Moment): void;
  /** It answered without, or not at all: the wait begins anew with the next proof. */
  doubt(): void;
  /** When the next hold ends, monotonic ms. */
  nextEnd(): number | undefined;
  /** Ids whose hold is over, by source. */
  due(at: Moment): ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids that the filter means, by source. */
  matching(filter: HoldFilter): ReadonlyMap<string, ReadonlySet<string>>;
  list(at: Moment): readonly HeldInstance[];
  /** True when something is held although the registry's answers are proof. */
  readonly againstProof: boolean;
}

interface HeldGroup {
  readonly group: Group;
  /** Monotonic begin by instance id. */
  readonly since: ReadonlyMap<string, number>;
}

export function createHolds(holdForMs: number): Holds {
  const held = new Map<string, HeldGroup>();
  let trustedSince: number | undefined;
  const endOf = (since: number) => (trustedSince === undefined ? undefined : Math.max(since, trustedSince) + holdForMs);

  const choose = (chosen: (group: Group, id: string, since: number) => boolean) => {
    const bySource = [...held].map(([name, { group, since }]): [string, ReadonlySet<string>] => [
      name,
      new Set([...since].filter(([id, begin]) => chosen(group, id, begin)).map(([id]) => id)),
    ]);
    return new Map(bySource.filter(([, ids]) => ids.size > 0));
  };

  return {
    update(name, group, { mono }) {
      const instances = group?.instances.filter(({ hold }) => hold !== undefined) ?? [];
      const before = held.get(name)?.since;
      if (group === undefined || instances.length === 0) held.delete(name);
      else held.set(name, { group, since: new Map(instances.map(({ id }) => [id, before?.get(id) ?? mono])) });
    },
    trust({ mono }) {
      trustedSince ??= mono;
    },
    doubt() {
      trustedSince = undefined;
    },
    nextEnd() {
      const begins = [...held.values()].map(({ since }) => Math.min(...since.values()));
      return begins.length === 0 ? undefined : endOf(begins.reduce((a, b) => Math.min(a, b)));
    },
    due: ({ mono }) => choose((_group, _id, since) => mono >= (endOf(since) ?? Number.POSITIVE_INFINITY)),
    matching: ({ service, instance }) =>
      choose(
        (group, id) =>
          (service === undefined || serviceId(group.service) === service) && (instance === undefined || id === instance),
      ),
    list: ({ mono }) => [...held.values()].flatMap((group) => shown(group, (since) => remaining(endOf(since), mono))),
    get againstProof() {
      return [...held.values()].some(({ group }) => group.instances.some(({ hold }) => hold?.reason === "mass-drop"));
    },
  };
}

function remaining(end: number | undefined, mono: number): number | undefined {
  return end === undefined ? undefined : Math.max(0, end - mono);
}

function shown({ group, since }: HeldGroup, endsInMs: (since: number) => number | undefined): readonly HeldInstance[] {
  return group.instances.flatMap(({ id, address, hold }) => {
    const begin = since.get(id);
    if (hold === undefined || begin === undefined) return [];
    const { source, service } = group;
    return [{ source, service: serviceId(service), instance: id, address, hold, endsInMs: endsInMs(begin) }];
  });
}
