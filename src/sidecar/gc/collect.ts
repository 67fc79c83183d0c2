/** Looks for what a dead owner has left in all targets, and removes it where that is asked for. */
import type { Clock } from "../../kernel/clock.ts";
import { MeshbridgeError, reasonOf } from "../../kernel/errors.ts";
import { fail } from "../../model/errors.ts";
import type { SurveyedRecord, Writer } from "../writer.ts";
import { type Survey, type Verdict, verdictsOf, type Whose } from "./verdicts.ts";

export interface CollectOptions {
  readonly targets: readonly { readonly name: string; readonly writer: Writer }[];
  readonly whose: Whose;
  /** Nothing is removed. */
  readonly dryRun: boolean;
  /** Also what lives, or may live. */
  readonly force: boolean;
  /** How long one registry may take, in ms: to be connected and read, and again to be changed. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Collected extends Verdict {
  /** `removed`, or `would be removed` when nothing was to be; `kept`; `failed`: `why` says what of. */
  readonly outcome: "removed" | "would be removed" | "kept" | "failed";
}

export interface Collection {
  readonly records: readonly Collected[];
  /** Registries that could not be read in full, and why. */
  readonly unread: readonly { readonly target: string; readonly error: MeshbridgeError }[];
}

/** Rejects with the signal's reason alone: what fails is in the answer. */
export async function collect(options: CollectOptions): Promise<Collection> {
  const { targets, whose, dryRun, force, clock, signal } = options;
  const unread: { target: string; error: MeshbridgeError }[] = [];
  const removals: Collected[] = [];
  const end = new AbortController();
  const all = AbortSignal.any([signal, end.signal]);
  try {
    const open = await Promise.all(targets.map(({ name, writer }) => openOf(name, writer, { ...options, signal: all })));
    const surveys = await Promise.all(
      open.map(async (one): Promise<Survey> => {
        try {
          if ("error" in one) throw one.error;
          const records = await within(options, all, (limit) => one.writer.survey(whose.cluster, limit));
          return { target: one.name, records };
        } catch (cause) {
          signal.throwIfAborted();
          unread.push({ target: one.name, error: asKnown(cause) });
          return { target: one.name, records: undefined };
        }
      }),
    );
    const verdicts = verdictsOf(surveys, whose, force);
    for (const verdict of verdicts) {
      const writer = targets.find(({ name }) => name === verdict.target)?.writer;
      removals.push({ ...verdict, ...(await carryOut(verdict, writer)) });
    }
    return { records: removals, unread };
  } finally {
    end.abort(new Error("nothing more is looked for"));
  }

  async function carryOut(verdict: Verdict, writer: Writer | undefined): Promise<Pick<Collected, "outcome" | "why">> {
    const { remove, why, record } = verdict;
    if (!remove) return { outcome: "kept", why };
    if (dryRun || writer === undefined) return { outcome: "would be removed", why };
    try {
      const refused = await within({ timeoutMs: options.timeoutMs, clock }, all, (limit) => writer.purge(record, limit));
      return refused === undefined ? { outcome: "removed", why } : { outcome: "failed", why: refused };
    } catch (cause) {
      signal.throwIfAborted();
      return { outcome: "failed", why: reasonOf(cause) };
    }
  }
}

type Opened = { readonly name: string; readonly writer: Writer } | { readonly name: string; readonly error: unknown };

/** Resolves when the writer can be asked, or with why it cannot; it is held open until the signal. */
async function openOf(name: string, writer: Writer, { timeoutMs, clock, signal }: CollectOptions): Promise<Opened> {
  let last: unknown;
  const follow = async (opened: () => void) => {
    for await (const event of writer.events(signal))
      if (event.type === "open") opened();
      else if (event.type === "lost") last = event.error;
  };
  try {
    await within({ timeoutMs, clock }, signal, async () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      follow(resolve).then(() => reject(signal.reason), reject);
      await promise;
    });
    return { name, writer };
  } catch (cause) {
    return { name, error: last ?? cause };
  }
}

/** Rejects when it takes longer, and lets go of it then. */
async function within<T>(
  { timeoutMs, clock }: Pick<CollectOptions, "timeoutMs" | "clock">,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const limit = AbortSignal.any([signal, done.signal]);
  const over = clock.sleep(timeoutMs, limit).then(() => {
    throw new Error(`it took longer than ${timeoutMs} ms`);
  });
  try {
    return await Promise.race([work(limit), over]);
  } finally {
    done.abort(new Error("the time is over"));
    // Its only other rejection is the abort.
    over.catch(() => undefined);
  }
}

function asKnown(cause: unknown): MeshbridgeError {
  return cause instanceof MeshbridgeError ? cause : fail("MB_INTERNAL", { reason: reasonOf(cause) }, { cause });
}

/** For programs: the outcome of each record, as one flat row. */
export function rowOf({ target, record, outcome, why }: Collected): {
  readonly target: string;
  readonly service: string;
  readonly owner: string;
  readonly key: string;
  readonly outcome: Collected["outcome"];
  readonly why: string;
} {
  const { service, owner, key }: SurveyedRecord = record;
  return { target, service, owner: `${owner.cluster}/${owner.instance}`, key, outcome, why };
}
