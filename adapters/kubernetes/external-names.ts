/** ExternalName Services: their names asked for now and then, and which Services a changed answer concerns. */
import type { Clock } from "../../src/kernel/clock.ts";
import { createResolver, type Lookup } from "../../src/kernel/resolver.ts";

export interface ExternalNames {
  /** What is known of each name, for the translation; changes as answers come. */
  readonly resolved: ReadonlyMap<string, readonly string[]>;
  /** The Service of that key means this name; undefined: none any more. */
  use(key: string, name: string | undefined): void;
  /** True while nobody has answered for the name, which then proves nothing. */
  unknown(name: string): boolean;
  /** Keys of the Services whose answers have changed. Rejects with the signal's reason alone. */
  next(): Promise<ReadonlySet<string>>;
}

interface Surroundings {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export function createExternalNames(lookup: Lookup, { clock, signal }: Surroundings): ExternalNames {
  const names = new Map<string, string>();
  const resolved = new Map<string, readonly string[]>();
  let wake: () => void = () => undefined;
  const resolver = createResolver({ lookup, clock, signal, onChange: () => wake() });

  const note = (name: string) => {
    const known = resolver.get(name);
    if (known !== "pending" && "address" in known) resolved.set(name, [known.address]);
    else if (known !== "pending" && !known.doubtful) resolved.delete(name);
    return known;
  };

  return {
    resolved,
    use(key, name) {
      if (name === undefined) names.delete(key);
      else {
        names.set(key, name);
        note(name);
      }
    },
    unknown(name) {
      const known = resolver.get(name);
      return known === "pending" || ("doubtful" in known && known.doubtful);
    },
    async next() {
      for (;;) {
        signal.throwIfAborted();
        const changed = resolver.takeChanged();
        const keys = [...names].filter(([, name]) => changed.has(name)).map(([key]) => key);
        for (const name of changed) note(name);
        if (keys.length > 0) return new Set(keys);
        await waitFor(resolver.dueInMs() ?? IDLE_MS);
        resolver.refresh(new Set(names.values()));
      }
    },
  };

  /** Until an answer has come, or it is time to ask again. */
  async function waitFor(ms: number): Promise<void> {
    const over = new AbortController();
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    try {
      await Promise.race([woken, clock.sleep(Math.max(1, ms), AbortSignal.any([signal, over.signal]))]);
    } finally {
      over.abort();
    }
  }
}

/** How often it is looked whether there is a name to ask for, when there was none. */
const IDLE_MS = 30_000;
