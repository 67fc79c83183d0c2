/** Several parts of Consul as one registry. */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../src/kernel/clock.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import { worst } from "./doubt.ts";

/** How often `synced` is repeated when it says nothing new, in ms. */
const SIGN_OF_LIFE_MS = 5000;

type Synced = Extract<RegistryEvent, { type: "synced" }>;
type Degraded = Extract<RegistryEvent, { type: "degraded" }>;
type Batches = AsyncGenerator<readonly RegistryEvent[]>;

/**
 * The events of all parts. `synced` is said when every part is current, with the worst of their evidence. While a part is
 * unreadable or in doubt, that is said again after events of the others: what is proven for one part proves nothing for
 * the registry as a whole.
 */
export async function* mergeParts(parts: readonly Batches[], clock: Clock): AsyncGenerator<RegistryEvent> {
  const summary = createSummary(parts.length, clock);
  const advance = async (part: number) => ({ part, result: await parts[part]?.next() });
  const pending = new Map(parts.map((_, part) => [part, advance(part)]));
  try {
    while (pending.size > 0) {
      const { part, result } = await Promise.race(pending.values());
      if (result === undefined || result.done) {
        pending.delete(part);
        continue;
      }
      const events = summary.take(part, result.value);
      yield* events;
      pending.set(part, advance(part));
    }
  } finally {
    // A part that waits ends by the signal; those that do not are ended here.
    for (const promise of pending.values()) promise.catch(() => undefined);
  }
}

export interface Summary {
  /** What is to be said of one part's batch. */
  take(part: number, batch: readonly RegistryEvent[]): readonly RegistryEvent[];
}

export function createSummary(parts: number, clock: Clock): Summary {
  const states = new Map<number, Synced | Degraded>();
  let said: { readonly evidence: Evidence; readonly at: number } | undefined;

  const conclusion = (news: boolean): RegistryEvent | undefined => {
    const all = [...states.values()];
    const trouble = all.find(({ type }) => type === "degraded");
    if (trouble !== undefined) {
      said = undefined;
      return news ? trouble : undefined;
    }
    if (all.length < parts) return undefined;
    const evidence = worst(all.flatMap((state) => (state.type === "synced" ? [state.evidence] : [])));
    const fresh =
      said !== undefined && clock.monotonic() - said.at < SIGN_OF_LIFE_MS && isDeepStrictEqual(said.evidence, evidence);
    if (fresh && !news) return undefined;
    said = { evidence, at: clock.monotonic() };
    return { type: "synced", evidence };
  };

  return {
    take(part, batch) {
      const events: RegistryEvent[] = [];
      let news = false;
      let current = false;
      for (const event of batch) {
        if (event.type === "synced" || event.type === "degraded") states.set(part, event);
        current = event.type === "synced";
        if (current) continue;
        events.push(event);
        news = event.type !== "degraded";
      }
      // Between its events and its own `synced` a part has nothing to say of what is missing.
      if (news && !current && states.get(part)?.type === "synced") states.delete(part);
      const last = conclusion(news);
      return last === undefined ? events : [...events, last];
    },
  };
}
