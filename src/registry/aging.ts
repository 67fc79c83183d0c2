/** How old what a registry said has become, and what that does to its groups. Deterministic; times are handed in. */
import type { Group } from "../model/group.ts";
import type { Moment } from "./holds.ts";
import type { GroupChanges } from "./ledger.ts";
import type { StalenessLimits } from "./settings.ts";
import { atStage, STALENESS_STAGES, type StalenessStage, stageAt } from "./staleness.ts";

export interface Aging {
  /**
   * The registry, or one part of it, could not be read. Its age counts from here, or from what was restored. Excused, because
   * others can read it or nobody could be asked, it does not count until this is said again without excuse, and then anew.
   */
  failed(at: Moment, part?: string, excused?: boolean): void;
  /** It confirmed what it said; without a part, all of it. */
  confirmed(at: Moment, part?: string): void;
  /**
   * What is shown was saved `ageMs` ago by the wall clock, which may have jumped meanwhile: so the age saved with counts
   * up to the last priority only, and nothing leaves but for time that has passed in this process.
   */
  restored(ageMs: number, at: Moment): void;
  /** Moves to the stage of this time; returns when the next begins (monotonic ms). */
  advance(at: Moment): number | undefined;
  /** Of the part that is worst off. */
  readonly stage: StalenessStage;
  /** Equal exactly as long as every part is in the stage it was in. */
  readonly stages: string;
  /** Anything of it. */
  readonly failing: boolean;
  /** Of the part; of the whole without one. */
  ageMs(mono: number, part?: string): number | undefined;
  /** Of the part, for which what is said of the whole counts as well. */
  stageOf(part: string): StalenessStage;
  /** Forgets the ages of all other parts: they are no more. */
  keepParts(parts: ReadonlySet<string>): void;
  mark(group: Group): Group;
  apply(changes: GroupChanges): GroupChanges;
}

export function createAging(limits: StalenessLimits | undefined): Aging {
  const whole = createAge(limits);
  const parts = new Map<string, Age>();
  const all = () => [whole, ...parts.values()];

  const ageOf = (part: string): Age => {
    const known = parts.get(part);
    if (known !== undefined) return known;
    // What was said of the whole so far was said of this part as well.
    const made = createAge(limits, whole.confirmation);
    parts.set(part, made);
    return made;
  };
  const mark = (group: Group): Group => {
    const { scope } = group.source;
    const own = [...parts].filter(([part]) => scope.startsWith(`${part}/`)).map(([, age]) => age);
    const { stage, since } = worstOf([whole, ...own]);
    return atStage(group, stage, since);
  };

  return {
    failed: ({ mono }, part = "", excused = false) => (part === "" ? whole : ageOf(part)).failed(mono, excused),
    confirmed({ mono }, part = "") {
      for (const age of part === "" ? all() : [ageOf(part)]) age.confirmed(mono);
    },
    restored(ageMs, { mono }) {
      whole.setConfirmedAt(mono - Math.min(ageMs, limits?.lastAfterMs ?? ageMs));
    },
    advance(at) {
      const next = all().flatMap((age) => age.advance(at) ?? []);
      return next.length === 0 ? undefined : Math.min(...next);
    },
    get stage() {
      return worstOf(all()).stage;
    },
    get stages() {
      return [`all: ${whole.stage}`, ...[...parts].map(([part, { stage }]) => `${part}: ${stage}`)].join(", ");
    },
    get failing() {
      return all().some(({ failing }) => failing);
    },
    ageMs: (mono, part = "") => (parts.get(part) ?? whole).ageMs(mono),
    stageOf: (part) => worstOf([whole, parts.get(part) ?? whole]).stage,
    keepParts(names) {
      for (const name of parts.keys()) if (!names.has(name)) parts.delete(name);
    },
    mark,
    apply: (changes) =>
      all().every(({ stage }) => stage === "fresh")
        ? changes
        : new Map([...changes].map(([name, group]) => [name, group && mark(group)])),
  };
}

function worstOf(ages: readonly Age[]): Age {
  const order = (age: Age) => STALENESS_STAGES.indexOf(age.stage);
  return ages.reduce((worst, age) => (order(age) > order(worst) ? age : worst));
}

/** When something was confirmed last, monotonic ms (undefined: never), and whether by this process. */
interface Confirmation {
  readonly at: number | undefined;
  readonly here: boolean;
}

/** One part's age. */
interface Age {
  readonly confirmation: Confirmation;
  readonly stage: StalenessStage;
  /** Wall-clock ms of the stage's beginning. */
  readonly since: number;
  readonly failing: boolean;
  failed(mono: number, excused: boolean): void;
  confirmed(mono: number): void;
  setConfirmedAt(mono: number): void;
  advance(at: Moment): number | undefined;
  ageMs(mono: number): number | undefined;
}

function createAge(limits: StalenessLimits | undefined, { at, here }: Confirmation = { at: undefined, here: false }): Age {
  /** Before the process began for what was restored. */
  let confirmedAt = at;
  let confirmedHere = here;
  /** From when the age counts; undefined while it can be read. */
  let failingSince: number | undefined;
  let excusedNow = false;
  let stage: StalenessStage = "fresh";
  let since = 0;
  return {
    get confirmation() {
      return { at: confirmedAt, here: confirmedHere };
    },
    get stage() {
      return stage;
    },
    get since() {
      return since;
    },
    get failing() {
      return failingSince !== undefined;
    },
    failed(mono, excused) {
      // A registry that is quiet while nothing changes has confirmed nothing for long, and was well all the same.
      failingSince ??= confirmedHere ? mono : (confirmedAt ?? mono);
      if (excused || excusedNow) failingSince = mono;
      excusedNow = excused;
    },
    confirmed(mono) {
      confirmedAt = mono;
      confirmedHere = true;
      failingSince = undefined;
      excusedNow = false;
    },
    setConfirmedAt(mono) {
      confirmedAt = mono;
    },
    advance({ mono, wall }) {
      const counts = failingSince !== undefined && !excusedNow;
      const age = failingSince === undefined || excusedNow ? 0 : mono - failingSince;
      const { stage: next, nextInMs } = stageAt(age, limits);
      if (next !== stage) since = wall;
      stage = next;
      return counts && nextInMs !== undefined ? mono + nextInMs : undefined;
    },
    ageMs: (mono) => (confirmedAt === undefined ? undefined : mono - confirmedAt),
  };
}
