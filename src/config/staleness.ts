/** A registry's staleness settings with the defaults filled in: needed to check them and to resolve them. Pure. */
import { DEFAULT_STALENESS, type StalenessLimits } from "../registry/settings.ts";
import type { RegistryEntry } from "./schema.ts";
import { milliseconds } from "./traffic.ts";

/** Undefined when it is switched off. */
export function stalenessOf({ staleness = {} }: Pick<RegistryEntry, "staleness">): StalenessLimits | undefined {
  if (staleness.enabled === false) return undefined;
  const or = (text: string | undefined, ms: number) => (text === undefined ? ms : milliseconds(text));
  return {
    degradeAfterMs: or(staleness.degradeAfter, DEFAULT_STALENESS.degradeAfterMs),
    lastAfterMs: or(staleness.lastAfter, DEFAULT_STALENESS.lastAfterMs),
    removeAfterMs: or(staleness.removeAfter, DEFAULT_STALENESS.removeAfterMs),
  };
}
