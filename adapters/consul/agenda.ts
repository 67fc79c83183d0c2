/**
 * Which services are to be read again, and when. Pure: times come in as monotonic ms.
 *
 * Two kinds of cause:
 * - a **hint** names the service (its tags, a check, its node changed): read at once;
 * - a **round** is needed when Consul's index moved and nothing says for which service, which is what another weight,
 *   address, port, metadata or an instance more or less looks like. Up to 200 services are read at once; more are read
 *   200 a second, so that with n services such a change is seen within n/200 seconds.
 * A round that finds nothing makes the next one wait: half a second, or as long as keeps the reads at 50 a second on the
 * long run, at most 10 s. So an index that moves all the time for reasons of its own costs little, and with up to 25
 * services a change of this kind is still seen within half a second. With `secondLook`, what was read for a cause and
 * looked the same is read once more after a second: with stale reads, a server that lags behind the one that told of the
 * change may have answered.
 */

const ROUND_CHUNK = 200;
const TICK_MS = 1000;
const MIN_SPACING_MS = 500;
const MAX_SPACING_MS = 10_000;
/** What fruitless rounds may cost on the long run. */
const READS_PER_SECOND = 50;

export interface Agenda {
  hint(names: Iterable<string>): void;
  /** Something changed, and it is not known where. */
  round(): void;
  /** Only these are to be looked at again, at the pace of rounds: their last reading was in doubt. */
  recheck(names: Iterable<string>): void;
  /** Names that are due now; each must be told to `done` or `failed`. `all` are the services there are. */
  take(all: Iterable<string>, now: number): string[];
  done(name: string, changed: boolean, now: number): void;
  /** It could not be read: it stays due. */
  failed(name: string): void;
  /** All names taken have been told: closes a round that is over. */
  settle(now: number): void;
  /** When `take` may have something (monotonic ms); undefined: not before the next cause. */
  dueAt(now: number): number | undefined;
  /** Nothing is to be read by name, and no round is under way. */
  readonly idle: boolean;
  /** A round is to follow. */
  readonly waiting: boolean;
  /** No longer there: nothing is due for it. */
  forget(name: string): void;
}

export function createAgenda({ secondLook }: { readonly secondLook: boolean }): Agenda {
  const hints = new Set<string>();
  /** Read once more at the given time. */
  const echoes = new Map<string, number>();
  const echoing = new Set<string>();
  const remaining = new Set<string>();
  const underWay = new Map<string, "hint" | "round">();
  const doubted = new Set<string>();
  let wanted = false;
  let fruitful = false;
  /** The running round is of all services, and whether it is the second look at a first one that found nothing. */
  let full = false;
  let confirming = false;
  let running = false;
  /** Services in the running round. */
  let size = 0;
  let startAt = 0;

  const begin = (all: Iterable<string>) => {
    for (const name of wanted ? all : doubted) remaining.add(name);
    doubted.clear();
    size = remaining.size;
    full = wanted;
    wanted = false;
    fruitful = false;
    running = true;
  };

  const end = (now: number) => {
    running = false;
    const spacing = Math.min(MAX_SPACING_MS, Math.max(MIN_SPACING_MS, (size / READS_PER_SECOND) * 1000));
    startAt = fruitful ? now : now + spacing;
    if (!full) return;
    confirming = secondLook && !fruitful && !confirming;
    if (confirming) wanted = true;
  };

  return {
    hint(names) {
      for (const name of names) hints.add(name);
    },
    round() {
      wanted = true;
    },
    recheck(names) {
      for (const name of names) doubted.add(name);
    },
    take(all, now) {
      for (const [name, at] of echoes)
        if (at <= now) {
          echoes.delete(name);
          echoing.add(name);
          hints.add(name);
        }
      if (!running && (wanted || doubted.size > 0) && startAt <= now) begin(all);
      const names = new Set(hints);
      for (const name of names) underWay.set(name, "hint");
      hints.clear();
      if (startAt > now) return [...names];
      for (const name of [...remaining].slice(0, ROUND_CHUNK)) {
        if (!names.has(name)) underWay.set(name, "round");
        names.add(name);
        remaining.delete(name);
      }
      if (remaining.size > 0) startAt = now + TICK_MS;
      return [...names];
    },
    done(name, changed, now) {
      const cause = underWay.get(name);
      underWay.delete(name);
      if (changed && cause === "round") fruitful = true;
      const echo = echoing.delete(name);
      if (secondLook && cause === "hint" && !changed && !echo) echoes.set(name, now + TICK_MS);
    },
    failed(name) {
      underWay.delete(name);
      hints.add(name);
    },
    settle(now) {
      if (running && remaining.size === 0) end(now);
    },
    dueAt(now) {
      if (hints.size > 0) return now;
      const times = [...echoes.values()];
      if (remaining.size > 0 || wanted || doubted.size > 0) times.push(startAt);
      return times.length === 0 ? undefined : Math.min(...times);
    },
    get idle() {
      return hints.size === 0 && remaining.size === 0 && underWay.size === 0;
    },
    get waiting() {
      return wanted;
    },
    forget(name) {
      for (const set of [hints, echoes, echoing, remaining, doubted]) set.delete(name);
    },
  };
}
