/**
 * Several parts as one registry: datacentres, clusters. Their groups pass through at once; what is said of the registry as
 * a whole is put together here. Parts may come and go while it runs.
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../kernel/clock.ts";
import { type Evidence, worstEvidence } from "../model/evidence.ts";
import type { PartState, RegistryEvent } from "./adapter.ts";

/** How often `synced` is repeated when it says nothing new, in ms. */
const SIGN_OF_LIFE_MS = 5000;

type Synced = Extract<RegistryEvent, { type: "synced" }>;
type Degraded = Extract<RegistryEvent, { type: "degraded" }>;
type Batches = AsyncGenerator<readonly RegistryEvent[]>;

/**
 * The events of all parts, by name: a name is what the scopes of the part's sources begin with, before a slash. `synced` is
 * said when every part is current, with the worst of their evidence. While a part is unreadable or in doubt, that is said
 * again after events of the others: what is proven for one part proves nothing for the registry as a whole.
 */
export async function* mergeParts(parts: ReadonlyMap<string, Batches>, clock: Clock): AsyncGenerator<RegistryEvent> {
  const summary = createSummary(clock);
  for (const name of parts.keys()) summary.expect(name);
  const advance = async (name: string) => ({ name, result: await parts.get(name)?.next() });
  const pending = new Map([...parts.keys()].map((name) => [name, advance(name)]));
  try {
    while (pending.size > 0) {
      const { name, result } = await Promise.race(pending.values());
      if (result === undefined || result.done) {
        pending.delete(name);
        continue;
      }
      yield* summary.take(name, result.value);
      pending.set(name, advance(name));
    }
  } finally {
    // A part that waits ends by the signal; those that do not are ended here.
    for (const promise of pending.values()) promise.catch(() => undefined);
  }
}

export interface Summary {
  /** There is such a part: `synced` waits for it. */
  expect(part: string): void;
  /** What is to be said of one part's batch. */
  take(part: string, batch: readonly RegistryEvent[]): readonly RegistryEvent[];
  /** There is no such part any more; what is to be said of the others. */
  remove(part: string): readonly RegistryEvent[];
}

export function createSummary(clock: Clock): Summary {
  /** Undefined: nothing may be concluded from the part at the moment. */
  const states = new Map<string, Synced | Degraded | undefined>();
  /** How each part is for people: what it said last, whatever has come since. */
  const shown = new Map<string, PartState>();
  let told: readonly PartState[] = [];
  /** When a part was last said to be current by itself, monotonic ms. */
  const vouched = new Map<string, number>();
  let said: { readonly evidence: Evidence; readonly at: number } | undefined;

  const conclusion = (news: boolean): RegistryEvent | undefined => {
    const all = [...states.values()];
    const trouble = all.find((state) => state?.type === "degraded");
    if (trouble !== undefined) {
      said = undefined;
      return news ? trouble : undefined;
    }
    if (all.includes(undefined)) return undefined;
    const evidence = worstEvidence(all.flatMap((state) => (state?.type === "synced" ? [state.evidence] : [])));
    const fresh =
      said !== undefined && clock.monotonic() - said.at < SIGN_OF_LIFE_MS && isDeepStrictEqual(said.evidence, evidence);
    if (fresh && !news) return undefined;
    said = { evidence, at: clock.monotonic() };
    return { type: "synced", evidence };
  };
  /** While the whole cannot be said to be current, each part that is says so by itself, or its age would count from before. */
  const vouch = (part: string): readonly RegistryEvent[] => {
    const now = clock.monotonic();
    const whole = [...states.values()].every((state) => state?.type === "synced");
    if (whole || now - (vouched.get(part) ?? Number.NEGATIVE_INFINITY) < SIGN_OF_LIFE_MS) return [];
    vouched.set(part, now);
    return [{ type: "recovered", part }];
  };
  /** One part alone is the registry itself. */
  const changedParts = (): readonly RegistryEvent[] => {
    const parts = [...shown.values()];
    if (isDeepStrictEqual(parts, told) || (parts.length < 2 && told.length === 0)) return [];
    told = parts;
    return [{ type: "parts", parts }];
  };
  const concluded = (events: readonly RegistryEvent[], news: boolean) => {
    const last = conclusion(news);
    return [...events, ...changedParts(), ...(last === undefined ? [] : [last])];
  };

  return {
    expect(part) {
      if (states.has(part)) return;
      states.set(part, undefined);
      shown.set(part, { name: part, state: "syncing" });
    },
    take(part, batch) {
      const events: RegistryEvent[] = [];
      let news = false;
      let current = false;
      for (const event of batch) {
        const named = event.type === "degraded" ? { ...event, part } : event;
        const recovered = named.type === "synced" && states.get(part)?.type === "degraded";
        if (recovered) events.push({ type: "recovered", part });
        if (named.type === "synced" || named.type === "degraded") {
          states.set(part, named);
          shown.set(part, partState(part, named));
        }
        if (recovered) vouched.set(part, clock.monotonic());
        else if (named.type === "synced") events.push(...vouch(part));
        current = named.type === "synced";
        if (current) continue;
        events.push(named);
        news = named.type !== "degraded";
      }
      // Between its events and its own `synced` a part has nothing to say of what is missing.
      if (news && !current && states.get(part)?.type === "synced") states.set(part, undefined);
      return concluded(events, news);
    },
    remove(part) {
      shown.delete(part);
      vouched.delete(part);
      return states.delete(part) ? concluded([], true) : [];
    },
  };
}

function partState(name: string, said: Synced | Degraded): PartState {
  if (said.type === "degraded") return { name, state: "stale" };
  const { evidence } = said;
  return evidence.kind === "authoritative" ? { name, state: "live" } : { name, state: "suspect", suspectReason: evidence.reason };
}
