/**
 * What is passed on of a peer, over all its streams: events by origin, each origin a part of the registry of its own. Pure.
 *
 * A stream that begins anew says everything again. What it does not name any more is gone only as far as the peer itself
 * could read that origin; otherwise it stays and is looked at again at the next marker.
 */
import { isDeepStrictEqual } from "node:util";
import type { Group as WireGroup } from "../../src/gen/meshbridge/link/v1/link.ts";
import { decodeGroup, evidenceOf, MAX_HOPS } from "../../src/link/wire.ts";
import { fail } from "../../src/model/errors.ts";
import { AUTHORITATIVE, BY_OPERATOR, type Evidence } from "../../src/model/evidence.ts";
import type { Group } from "../../src/model/group.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import type { Marked } from "./state.ts";

export interface CopyOptions {
  readonly registry: string;
  /** Our own cluster: what has been here is not taken back. */
  readonly self: string;
  readonly peer: string;
}

/** Events of one part. */
export type PartEvents = readonly [part: string, events: readonly RegistryEvent[]];

export interface Copy {
  apply(marked: Marked): readonly PartEvents[];
  /** The parts spoken of so far; the peer's own always. */
  readonly parts: ReadonlySet<string>;
  /** Everything passed on, as draining: the operator takes the link away. */
  draining(): readonly PartEvents[];
  /** Everything passed on is gone, by the operator's will. */
  remove(): readonly PartEvents[];
}

export function createCopy({ registry, self, peer }: CopyOptions): Copy {
  const passed = new Map<string, Group>();
  const parts = new Set([peer]);
  /** Passed on and not named by the present stream, but not proven gone. */
  const unproven = new Set<string>();

  const usable = ({ path }: WireGroup) =>
    path.length > 0 &&
    path.length <= MAX_HOPS &&
    path.every((cluster) => CLUSTER.test(cluster)) &&
    path.at(-1) === peer &&
    !path.includes(self);

  /** Undefined: nothing is proven. */
  const whyGone = (key: string, { origins, complete, doubt, goneDoubts }: Marked): Evidence | undefined => {
    const said = goneDoubts.get(key);
    if (said !== undefined) return evidenceOf(said);
    const origin = origins.get(originOf(key));
    if (origin !== undefined) return origin.current && complete ? evidenceOf(origin.doubt) : undefined;
    return complete ? evidenceOf(doubt) : undefined;
  };

  return {
    parts,
    apply(marked) {
      const events = new Map<string, RegistryEvent[]>();
      const add = (key: string, event: RegistryEvent) => {
        const part = originOf(key);
        parts.add(part);
        events.set(part, [...(events.get(part) ?? []), event]);
      };
      const keys = marked.first ? new Set([...marked.touched, ...passed.keys()]) : new Set([...marked.touched, ...unproven]);
      for (const key of keys) {
        const wire = marked.groups.get(key);
        if (wire !== undefined && usable(wire)) {
          unproven.delete(key);
          const group = decodeGroup(wire, registry);
          if (isDeepStrictEqual(group, passed.get(key))) continue;
          passed.set(key, group);
          add(key, { type: "group", group, evidence: evidenceOf(wire.doubt) });
          continue;
        }
        const before = passed.get(key);
        if (before === undefined) continue;
        const evidence = wire === undefined ? whyGone(key, marked) : AUTHORITATIVE;
        if (evidence === undefined) {
          unproven.add(key);
          continue;
        }
        unproven.delete(key);
        // In doubt it is held by those who decide on that: here it would only be said to be gone again and again.
        passed.delete(key);
        add(key, { type: "gone", source: before.source, evidence });
      }
      for (const origin of marked.origins.keys()) if (CLUSTER.test(origin)) parts.add(origin);
      return [...parts].map(
        (part): PartEvents => [part, [...(events.get(part) ?? []), concluding(part, marked, { registry, peer })]],
      );
    },
    draining: () => byPart(passed, (group) => ({ type: "group", group: drained(group), evidence: BY_OPERATOR })),
    remove() {
      const events = byPart(passed, ({ source }) => ({ type: "gone", source, evidence: BY_OPERATOR }));
      passed.clear();
      unproven.clear();
      return events;
    },
  };
}

const CLUSTER = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

function originOf(key: string): string {
  return key.slice(0, key.indexOf("/"));
}

/** What is said of an origin as a whole at a marker. */
function concluding(
  part: string,
  { origins, complete, doubt }: Marked,
  { registry, peer }: Pick<CopyOptions, "registry" | "peer">,
): RegistryEvent {
  const origin = origins.get(part);
  const current = origin?.current ?? true;
  if (!complete && part === peer) return { type: "synced", evidence: evidenceOf("new-session") };
  if (!current) return { type: "degraded", error: fail("MB_LINK_ORIGIN_STALE", { registry, peer, origin: part }) };
  return { type: "synced", evidence: evidenceOf(origin?.doubt ?? doubt) };
}

function byPart(groups: ReadonlyMap<string, Group>, toEvent: (group: Group) => RegistryEvent): readonly PartEvents[] {
  const events = new Map<string, RegistryEvent[]>();
  for (const [key, group] of groups) events.set(originOf(key), [...(events.get(originOf(key)) ?? []), toEvent(group)]);
  return [...events];
}

function drained(group: Group): Group {
  return { ...group, instances: group.instances.map((instance) => ({ ...instance, health: "draining" as const })) };
}
