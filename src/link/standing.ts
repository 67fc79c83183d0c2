/** How a registry stands towards those who read our exports. Pure. */
import { AUTHORITATIVE, type Evidence, suspect, worstEvidence } from "../model/evidence.ts";
import type { RegistryStatus } from "../registry/status.ts";
import type { RegistryStanding } from "./exported.ts";

/** The kind of registry that is another bridge. */
export const LINK_KIND = "meshbridge";

/** What it no longer names is proven gone only while it can be read and nothing is in doubt. */
export function standingOf({ kind, state, suspectReason, lastSyncAt, parts }: RegistryStatus): RegistryStanding {
  const link = kind === LINK_KIND;
  return {
    link,
    synced: lastSyncAt !== undefined,
    ...standingIn(state, suspectReason),
    ...(link && { origins: new Map(parts.map((part) => [part.name, standingIn(part.state, part.suspectReason)])) }),
  };
}

function standingIn(
  state: RegistryStatus["state"],
  reason: RegistryStatus["suspectReason"],
): Pick<RegistryStanding, "current" | "evidence"> {
  const evidence: Record<typeof state, Evidence> = {
    live: AUTHORITATIVE,
    suspect: suspect(reason ?? "partial-read"),
    init: suspect("new-session"),
    syncing: suspect("new-session"),
    stale: suspect("partial-read"),
    expired: suspect("partial-read"),
  };
  return { current: state === "live" || state === "suspect", evidence: evidence[state] };
}

/**
 * The worse of two looks at the registries. The catalog's news of a registry and its standing reach a stream by two ways: good
 * news counts once the groups behind it must have arrived (`settled`), bad news at once, or else a marker could prove
 * missing what is only on its way.
 */
export function worseOf(
  settled: ReadonlyMap<string, RegistryStanding>,
  now: ReadonlyMap<string, RegistryStanding>,
): ReadonlyMap<string, RegistryStanding> {
  const merged = new Map<string, RegistryStanding>();
  for (const [name, standing] of now) {
    const before = settled.get(name);
    const { link, origins } = standing;
    const worse = [...(origins ?? [])].map(([origin, one]) => [origin, worseOfTwo(before?.origins?.get(origin), one)] as const);
    merged.set(name, {
      link,
      synced: standing.synced && (before?.synced ?? false),
      ...worseOfTwo(before, standing),
      ...(origins !== undefined && { origins: new Map(worse) }),
    });
  }
  return merged;
}

type Moment = Pick<RegistryStanding, "current" | "evidence">;

function worseOfTwo(before: Moment | undefined, now: Moment): Moment {
  return {
    current: now.current && (before?.current ?? false),
    evidence: worstEvidence([now.evidence, before?.evidence ?? suspect("new-session")]),
  };
}
