/**
 * The cluster scope: sources are followed by all replicas, targets are written to by the one that acts. Who acts no more
 * writes nothing from that moment on, and keeps its leases for a while, so that whoever follows takes over what they hold.
 */
import { createBell } from "../../kernel/bell.ts";
import type { Clock } from "../../kernel/clock.ts";
import { MeshbridgeError, reasonOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { fail } from "../../model/errors.ts";
import type { Group } from "../../model/group.ts";
import type { Owner } from "../plan/record.ts";
import type { Registration } from "../registration.ts";
import type { Target } from "../target.ts";
import type { Election } from "./election.ts";
import { type MirrorRule, registrationsOf, withoutDoubles } from "./mirror.ts";

export interface Mirror {
  readonly from: string;
  readonly to: readonly string[];
  readonly rule: MirrorRule;
}

/** A registry that is read. */
export interface MirrorSource {
  readonly name: string;
  /** False: what it lacks may well be there. */
  readonly complete: boolean;
  groups(): readonly Group[];
}

export interface ClusterSyncOptions {
  readonly sources: readonly MirrorSource[];
  readonly mirrors: readonly Mirror[];
  readonly election: Election;
  /** In whose name it writes, whatever the epoch. */
  readonly owner: Pick<Owner, "cluster" | "instance">;
  /** All targets, for one term of office. They end with the signal. */
  openTargets(epoch: number, signal: AbortSignal): ReadonlyMap<string, Target>;
  readonly handoverMs: number;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface ClusterSync {
  /** Undefined: it does not act. */
  readonly epoch: number | undefined;
  /** Of the term of office that is on, or was last. */
  readonly targets: readonly Target[];
  /** Why nobody can be elected at the moment, as far as this replica knows. */
  readonly electionError: MeshbridgeError | undefined;
  /** To be called when a source has changed. */
  sourceChanged(): void;
  /** Gives up office, lets another replica take the records over, and lets go. Resolves at the end of it. */
  leave(): Promise<void>;
  /** Ends with the signal or after `leave`. Never rejects. */
  readonly ended: Promise<void>;
}

/** Changes of sources that come together are mirrored together. */
const GATHER_MS = 100;
const RETRY_MS = 2000;

interface Term {
  readonly epoch: number;
  readonly targets: ReadonlyMap<string, Target>;
  readonly end: AbortController;
}

export function startClusterSync(options: ClusterSyncOptions): ClusterSync {
  const { sources, mirrors, election, handoverMs, clock, random, log, signal } = options;
  const bell = createBell(clock);
  const standing = new AbortController();
  const campaign = AbortSignal.any([signal, standing.signal]);
  const endings = new Set<Promise<void>>();
  let term: Term | undefined;
  let last: Term | undefined;
  let electionError: MeshbridgeError | undefined;

  const wish = ({ targets }: Term) => {
    for (const [name, target] of targets) {
      const mine = mirrors.filter(({ to }) => to.includes(name));
      const from = mine.map((mirror) => sources.find((source) => source.name === mirror.from));
      const registrations = mine.flatMap((mirror, at): readonly Registration[] =>
        registrationsOf(from[at]?.groups() ?? [], mirror.rule, mirror.from),
      );
      const place = sources.find((source) => source.name === name);
      target.wish({
        synced: from.every((source) => source?.complete === true),
        registrations: place === undefined ? registrations : withoutDoubles(registrations, place.groups(), options.owner),
      });
    }
  };
  /** Nothing more is written; the leases are let go when there was time to take the records over. */
  const finish = (ending: Term, why: string) => {
    log.info({ epoch: ending.epoch, why }, "this replica acts no more");
    for (const target of ending.targets.values()) target.hold();
    const over = (async () => {
      // Its only rejection is the abort, after which there is nothing to wait for.
      await clock.sleep(handoverMs, signal).catch(() => undefined);
      ending.end.abort(new Error("the term of office is over"));
      await Promise.all([...ending.targets.values()].map(({ ended }) => ended));
    })();
    endings.add(over);
    void over.finally(() => endings.delete(over));
  };
  const begin = (epoch: number) => {
    const end = new AbortController();
    log.info({ epoch }, "this replica acts");
    term = { epoch, end, targets: options.openTargets(epoch, AbortSignal.any([signal, end.signal])) };
    last = term;
    wish(term);
  };
  const leave = (why: string) => {
    if (term === undefined) return;
    const ending = term;
    term = undefined;
    finish(ending, why);
  };
  const stand = async () => {
    while (!campaign.aborted) {
      try {
        for await (const event of election.events(campaign)) {
          if (event.type === "leading") {
            electionError = undefined;
            if (term !== undefined) leave("it was elected anew");
            begin(event.epoch);
          } else {
            electionError = event.error;
            if (event.error !== undefined) log.warn({ err: event.error }, "nobody can be elected from here at the moment");
            leave(event.error === undefined ? "another one was elected" : event.error.message);
          }
        }
      } catch (cause) {
        if (campaign.aborted) break;
        electionError = cause instanceof MeshbridgeError ? cause : fail("MB_INTERNAL", { reason: reasonOf(cause) }, { cause });
        log.warn({ err: electionError }, "the election is begun anew");
        leave(electionError.message);
      }
      // Its only rejection is the abort, which the loop sees.
      if (!campaign.aborted) await clock.sleep(RETRY_MS * (0.5 + 0.5 * random()), campaign).catch(() => undefined);
    }
    leave("it stands for election no more");
    await Promise.all(endings);
  };
  const work = async () => {
    while (!campaign.aborted) {
      // Their only rejection is the abort, which the loop sees.
      await bell.wait(60_000, campaign).catch(() => undefined);
      await clock.sleep(GATHER_MS, campaign).catch(() => undefined);
      if (term !== undefined) wish(term);
    }
  };
  const ended = Promise.all([stand(), work()]).then(() => undefined);
  return {
    get epoch() {
      return term?.epoch;
    },
    get targets() {
      return [...(last?.targets.values() ?? [])];
    },
    get electionError() {
      return electionError;
    },
    sourceChanged: () => bell.ring(),
    async leave() {
      standing.abort(new Error("it leaves"));
      await ended;
    },
    ended,
  };
}
