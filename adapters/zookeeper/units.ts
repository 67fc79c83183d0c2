/**
 * From units that changed to what is to be told: reads them from the mirror, translates, and compares with what was said.
 * A unit with a host that is being asked for waits, for a few seconds at most: half a group is no group.
 */

import type { Resolution, Resolver } from "../../src/kernel/resolver.ts";
import { type Evidence, suspect } from "../../src/model/evidence.ts";
import type { RegistryEvent, WatchContext } from "../../src/registry/adapter.ts";
import { type Book, createBook, type UnitKey, unitKey } from "./book.ts";
import { combinedView } from "./combined-view.ts";
import type { ReadService } from "./formats/types.ts";
import type { MirroredRoot } from "./root.ts";
import { scopeOf, type Translation, translate } from "./translate.ts";
import { WARM_UP_STEP_MS } from "./warm-up.ts";

export interface UnitsOptions {
  readonly roots: readonly MirroredRoot[];
  readonly resolver: Resolver;
  readonly context: Pick<WatchContext, "name" | "settings" | "clock">;
  /** Whether a service of this name, as its records have it, is meant. */
  readonly isMeant: (name: string) => boolean;
}

export interface Units {
  /** States every unit there is, and that the others are gone. */
  all(evidence: Evidence): readonly RegistryEvent[];
  /** States what the mirror's updates have touched. */
  touched(evidence: Evidence): readonly RegistryEvent[];
  /** States what time or a name server has changed: weights that grow, hosts that moved, units that have waited enough. */
  timely(evidence: Evidence): readonly RegistryEvent[];
  /** Ms until `timely` may have something if no host is resolved before. */
  dueInMs(): number;
  /** Some unit waits for a host name. */
  readonly waiting: boolean;
  readonly book: Pick<Book, "doubtful" | "prove">;
}

/** How long a unit waits for its host names. */
const HOSTS_WITHIN_MS = 5000;
const NEVER = Number.POSITIVE_INFINITY;
const TOO_LATE: Resolution = { reason: "its host is still being resolved", doubtful: true };

interface Waiting {
  readonly hosts: ReadonlySet<string>;
  readonly evidence: Evidence;
  readonly until: number;
}

/** Says nothing by itself. */
export function createUnits(options: UnitsOptions): Units {
  const { roots, resolver, context } = options;
  const { clock } = context;
  const book = createBook();
  const view = combinedView(roots);
  const waiting = new Map<UnitKey, Waiting>();
  let nextStepAt = 0;
  const places = new Map<UnitKey, { readonly root: MirroredRoot; readonly unit: string }>();

  const state = (key: UnitKey, given: Evidence): readonly RegistryEvent[] => {
    const place = places.get(key);
    if (place === undefined) return [];
    const before = waiting.get(key);
    const now = clock.monotonic();
    // What a full read could not prove is not proven by a later look at the same unit.
    const evidence = before?.evidence.kind === "suspect" ? before.evidence : given;
    const until = before?.until ?? now + HOSTS_WITHIN_MS;
    const resolve = (host: string) => {
      const found = resolver.get(host);
      return found === "pending" && now >= until ? TOO_LATE : found;
    };
    const read = place.root.format.read(place.unit, view).filter(({ name }) => options.isMeant(name));
    const services = read.map((service) => translated(service, { ...options, key, root: place.root, book, resolve }));
    if (services.some(({ pending }) => pending)) {
      waiting.set(key, { hosts: new Set(services.flatMap(({ hosts }) => [...hosts])), evidence, until });
      return [];
    }
    waiting.delete(key);
    if (services.length === 0) places.delete(key);
    return book.take(key, services, evidence);
  };

  const stateAll = (keys: Iterable<UnitKey>, evidence: Evidence) => [...new Set(keys)].flatMap((key) => state(key, evidence));

  const keyOf = (root: MirroredRoot, unit: string): UnitKey => {
    const key = unitKey(root.path, unit);
    if (!places.has(key)) places.set(key, { root, unit });
    return key;
  };

  return {
    all(evidence) {
      const keys = roots.flatMap((root) => root.format.units(root.view).map((unit) => keyOf(root, unit)));
      return stateAll([...keys, ...places.keys()], evidence);
    },
    touched: (evidence) =>
      stateAll(
        roots.flatMap((root) => [...root.takeUnits()].map((unit) => keyOf(root, unit))),
        evidence,
      ),
    timely(evidence) {
      const changed = resolver.takeChanged();
      const now = clock.monotonic();
      const late = [...waiting].filter(([, { hosts, until }]) => until <= now || !hosts.isDisjointFrom(changed));
      const warming = nextStepAt <= now ? book.warming : [];
      if (nextStepAt <= now) nextStepAt = now + WARM_UP_STEP_MS;
      const events = stateAll([...late.map(([key]) => key), ...book.unitsWith(changed), ...warming], evidence);
      if (resolver.dueInMs() === 0)
        resolver.refresh(new Set([...book.hosts(), ...[...waiting.values()].flatMap(({ hosts }) => [...hosts])]));
      return events;
    },
    dueInMs() {
      const now = clock.monotonic();
      // The first one that waits has waited longest.
      const [first] = waiting.values();
      const at = Math.min(first?.until ?? NEVER, book.warming.size > 0 ? nextStepAt : NEVER);
      return Math.max(0, Math.min(at - now, resolver.dueInMs() ?? NEVER));
    },
    get waiting() {
      return waiting.size > 0;
    },
    book,
  };
}

interface ServiceOptions extends UnitsOptions {
  readonly key: UnitKey;
  readonly root: MirroredRoot;
  readonly book: Book;
  readonly resolve: (host: string) => Resolution;
}

function translated(service: ReadService, { context, key, root, book, resolve }: ServiceOptions): Translation {
  return translate(service, {
    registry: context.name,
    path: root.path,
    settings: context.settings,
    resolve,
    now: context.clock.now(),
    knownPorts: book.portsOf(key, scopeOf(root.path, service.scope)),
  });
}

/** The evidence of what is told, given that some groups are not whole. */
export function withDoubt(evidence: Evidence, { trimmed, doubtful }: { trimmed: boolean; doubtful: boolean }): Evidence {
  if (trimmed) return suspect("acl-filtered");
  return doubtful && evidence.kind === "authoritative" ? suspect("partial-read") : evidence;
}
