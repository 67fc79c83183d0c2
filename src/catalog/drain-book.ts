/** The drains in force: written down before they count, ended by their own expiry, kept over restarts by who gives a file. */
import type { Clock } from "../kernel/clock.ts";
import { type Drain, type DrainKey, sameDrain } from "./drains.ts";

/** Where drains are kept. */
export interface DrainFile {
  /** What was saved last; empty when there is nothing. */
  load(): Promise<readonly Drain[]>;
  /** Resolves when it is on the disk itself. */
  save(drains: readonly Drain[]): Promise<void>;
}

export interface DrainBook {
  /** Those in force, in the order they came. */
  list(): readonly Drain[];
  /** Replaces the one of the same service, cluster and owner. Rejects, and changes nothing, when it cannot be kept. */
  set(drain: Drain): Promise<void>;
  /** False when there was none. Rejects, and changes nothing, when that cannot be kept. */
  remove(key: DrainKey): Promise<boolean>;
  /** Stops the timer. */
  close(): void;
}

export interface DrainBookOptions {
  readonly clock: Clock;
  /** Undefined: nothing outlives the process. */
  readonly file: DrainFile | undefined;
  /** What was loaded from it. */
  readonly initial: readonly Drain[];
  /** Told of every state, the first one included. */
  onChange(drains: readonly Drain[]): void;
}

/** A wait is never longer than this, so that a wall clock that is set forward ends drains soon. */
const LONGEST_WAIT_MS = 60_000;

export function createDrainBook({ clock, file, initial, onChange }: DrainBookOptions): DrainBook {
  let drains: readonly Drain[] = inForce(initial, clock.now());
  let timer = new AbortController();
  /** One change at a time: each writes the state that the one before left. */
  let last: Promise<unknown> = Promise.resolve();

  const rest = () => {
    timer.abort(new Error("another wait begins"));
    if (drains.length === 0) return;
    timer = new AbortController();
    const next = Math.min(...drains.map(({ until }) => until)) - clock.now();
    clock.sleep(Math.min(Math.max(0, next), LONGEST_WAIT_MS), timer.signal).then(
      () => take(inForce(drains, clock.now())),
      // The only rejection of a sleep is its abort.
      () => undefined,
    );
  };

  const take = (next: readonly Drain[]) => {
    const changed = next.length !== drains.length || next.some((drain, index) => drain !== drains[index]);
    drains = next;
    if (changed) onChange(drains);
    rest();
  };

  const change = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    // Whoever asked for it learns of the failure; the next change is not held up by it.
    last = done.catch(() => undefined);
    return done;
  };

  /** `edit` is applied to what is there when the write is done: an expiry may have come in between. */
  const keep = async (edit: (now: readonly Drain[]) => readonly Drain[]) => {
    await file?.save(edit(inForce(drains, clock.now())));
    take(edit(inForce(drains, clock.now())));
  };

  onChange(drains);
  rest();
  return {
    list: () => drains,
    set: (drain) => change(() => keep((now) => [...now.filter((one) => !sameDrain(one, drain)), drain])),
    remove: (key) =>
      change(async () => {
        if (!drains.some((one) => sameDrain(one, key))) return false;
        await keep((now) => now.filter((one) => !sameDrain(one, key)));
        return true;
      }),
    close: () => timer.abort(new Error("closed")),
  };
}

function inForce(drains: readonly Drain[], now: number): readonly Drain[] {
  return drains.filter(({ until }) => until > now);
}
