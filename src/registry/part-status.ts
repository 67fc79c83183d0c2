/** How each datacentre or cluster of one registry is, for people. Deterministic; what counts is decided elsewhere. */
import type { PartState } from "./adapter.ts";
import type { Aging } from "./aging.ts";
import type { PartStatus } from "./status.ts";

export interface PartStatuses {
  /** What the adapter says of them now: all there are. Those that are not named are forgotten, with their ages. */
  take(parts: readonly PartState[]): void;
  /** What the part could not be read for. */
  failed(part: string, error: PartStatus["lastError"]): void;
  /** In the adapter's order; `mono` is the monotonic time in ms that ages count to. */
  list(mono: number): readonly PartStatus[];
}

export function createPartStatuses(aging: Pick<Aging, "ageMs" | "stageOf" | "keepParts">): PartStatuses {
  let known: readonly PartState[] = [];
  const errors = new Map<string, PartStatus["lastError"]>();
  return {
    take(parts) {
      known = parts;
      const names = new Set(parts.map(({ name }) => name));
      aging.keepParts(names);
      for (const name of errors.keys()) if (!names.has(name)) errors.delete(name);
    },
    failed: (part, error) => errors.set(part, error),
    list: (mono) =>
      known.map(({ name, state, suspectReason }) => {
        const staleness = aging.stageOf(name);
        return {
          name,
          state: staleness === "expired" ? "expired" : state,
          suspectReason,
          ageMs: aging.ageMs(mono, name),
          staleness,
          lastError: errors.get(name),
        };
      }),
  };
}
