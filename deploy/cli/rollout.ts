/** `apply` and `delete` in stages, and the verbs of `deploy rollout`: as data; who calls them prints it. */

import type { Clock } from "../../src/kernel/clock.ts";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import type { FederatedWorkload } from "../api/schema/workload.ts";
import { type CycleResult, runCycle } from "../driver/cycle.ts";
import { createAddressMemory } from "../driver/facts.ts";
import type { RolloutStore } from "../driver/store.ts";
import type { DriverState } from "../driver/types.ts";
import type { Pass, Rails } from "../engine/pass.ts";
import type { BridgeHttp } from "../gates/bridge-http.ts";
import { objectText } from "../plan/object-key.ts";
import { approveStage, type Commanded, pauseRollout, resumeRollout, undoRollout } from "../rollout/commands.ts";
import type { RolloutPhase, RolloutState } from "../rollout/types.ts";
import type { Session } from "./session.ts";

/** What a rollout looks like from outside. */
export interface RolloutView {
  readonly workload: string;
  readonly revision: string;
  readonly previous: string | null;
  readonly phase: RolloutPhase;
  readonly reason: string;
  readonly message: string;
  readonly approvals: readonly string[];
  readonly clusters: readonly {
    readonly cluster: string;
    readonly phase: string;
    readonly startedAt: string | null;
    readonly message: string;
  }[];
  readonly removals: readonly {
    readonly cluster: string;
    readonly kind: string;
    readonly to: number;
    readonly phase: string;
    readonly message: string;
  }[];
}

export interface DrivenView extends RolloutView {
  /** Why it was left: `done` when everything is as declared. */
  readonly ended: "done" | "stopped" | "time is up" | "waits for a person";
  /** What waits and why, one sentence each. */
  readonly waiting: readonly string[];
  readonly unknown: readonly string[];
  readonly ask: Pass["plan"]["ask"];
  readonly problems: readonly { readonly cluster: string; readonly code: string; readonly message: string }[];
}

/** Rolled out in stages, or by what a registry says: then `apply` stays until that is done. */
export function isStaged({ spec: { rollout } }: FederatedWorkload): boolean {
  return rollout.stages.length > 0 || rollout.gate.registry !== undefined;
}

export interface DriveOptions {
  readonly rails: Rails;
  readonly deleting: boolean;
  readonly bridges: readonly BridgeHttp[];
  readonly askBridges: boolean;
  readonly store: RolloutStore;
  readonly clock: Clock;
  /** Refused with MB_DEPLOY_PLAN_CHANGED when the plan for all clusters is another by now. */
  readonly planHash: string | undefined;
  /** How long it stays, ms. What is not done by then goes on with the next call. */
  readonly waitMs: number;
  /** Told after every turn that changed something. */
  report(view: RolloutView, result: CycleResult): void;
}

/** Between two turns when nothing tells when to look again; also how soon a word of `rollout` is heard. */
const TURN_MS = 500;

/** Turn after turn until it is done, stopped, or the time is up. Killed at any moment, the next call goes on. */
export async function drive(session: Session, options: DriveOptions): Promise<DrivenView> {
  const { store, clock, waitMs } = options;
  const memory = createAddressMemory();
  const until = clock.monotonic() + waitMs;
  let agreed = options.planHash === undefined;
  const agree = ({ plan }: Pass) => {
    if (!agreed && plan.hash !== options.planHash)
      throw fail("MB_DEPLOY_PLAN_CHANGED", { workload: session.key, given: options.planHash ?? "", now: plan.hash });
    agreed = true;
  };
  const { manifests, clusterScoped, workload, clients, engine, signal } = session;
  const { rails, deleting, askBridges, bridges } = options;
  const input = { workload, manifests, clusterScoped, fleet: session.fleet, lastKnown: new Map(), rails, deleting, askBridges };
  const world = { clients, engine, bridges, store, now: () => clock.now() };
  let told = "";
  for (;;) {
    const result = await runCycle({ ...input, agree }, world, memory, signal).catch((error: unknown) => {
      // Somebody has paused, approved or undone it: what they said is read with the next turn.
      if (error instanceof MeshbridgeError && error.code === "MB_DEPLOY_TAKEN_OVER") return undefined;
      throw error;
    });
    if (result !== undefined) {
      refuseProblems(session, result.pass);
      const view = rolloutView(session.key, result.state);
      const text = JSON.stringify([view, result.unknown, result.outcomes.map(({ result: is, message }) => [is, message])]);
      if (text !== told) options.report(view, result);
      told = text;
      const ended = endOf(result, deleting);
      if (ended !== undefined || clock.monotonic() >= until) {
        if (ended === "done") await tidy(store, result.state, signal);
        return drivenView(view, result, ended ?? "time is up");
      }
    }
    await clock.sleep(TURN_MS, signal);
  }
}

function refuseProblems({ file }: Session, { problems }: Pass): void {
  if (problems.length === 0) return;
  const lines = problems.map(({ cluster, rule, message }) =>
    rule < 0 ? `${cluster}: ${message}` : `${file}  spec.overrides[${rule}] for ${cluster}: ${message}`,
  );
  throw fail("MB_DEPLOY_INVALID", { problems: lines.join("\n") });
}

function endOf({ state, outcomes, waiting, pass }: CycleResult, deleting: boolean): DrivenView["ended"] | undefined {
  const { phase, clusters } = state.rollout;
  const still = state.removals.length === 0 && waiting.length === 0 && outcomes.every(({ result }) => result === "unchanged");
  if (pass.plan.ask !== undefined && outcomes.length === 0 && state.removals.length === 0) return "waits for a person";
  const undone = pass.plan.actions.some(({ verb }) => verb !== "none" && verb !== "blocked");
  if (deleting) return still && !undone ? "done" : undefined;
  if (phase === "Paused" || phase === "RolledBack" || phase === "RollbackIncomplete") return still ? "stopped" : undefined;
  if (phase === "Succeeded" && still && !undone)
    return pass.plan.actions.some(({ verb }) => verb === "blocked") ? "waits for a person" : "done";
  return clusters.length === 0 && still && !undone ? "done" : undefined;
}

async function tidy(store: RolloutStore, { rollout }: DriverState, signal: AbortSignal): Promise<void> {
  await store.prune(new Set([rollout.revision, ...(rollout.previous === null ? [] : [rollout.previous])]), signal);
}

function drivenView(
  view: RolloutView,
  { waiting, unknown, pass, observation }: CycleResult,
  ended: DrivenView["ended"],
): DrivenView {
  return {
    ...view,
    ended,
    waiting: waiting.map(
      ({ cluster, key, verb }) => `${cluster}: ${verb} of ${objectText(key)} waits for its traffic to be taken away`,
    ),
    unknown,
    ask: pass.plan.ask,
    problems: observation.problems.map(({ cluster, error }) => ({ cluster, code: error.code, message: error.message })),
  };
}

/** Times are RFC 3339. */
function rolloutView(workload: string, { rollout, removals }: DriverState): RolloutView {
  const { revision, previous, phase, reason, message, approvals, clusters } = rollout;
  return {
    ...{ workload, revision, previous, phase, reason, message, approvals },
    clusters: clusters.map(({ cluster, phase: its, startedAt, message: why }) => ({
      cluster,
      phase: its,
      startedAt: startedAt === null ? null : new Date(startedAt).toISOString(),
      message: why,
    })),
    removals: removals.map(({ cluster, kind, to, phase: its, message: why }) => ({
      cluster,
      kind,
      to,
      phase: its,
      message: why,
    })),
  };
}

export type RolloutWord = { readonly verb: "pause" | "resume" | "undo" } | { readonly verb: "approve"; readonly stage: string };

export interface SayOptions {
  readonly workload: string;
  /** Names of those that are declared. */
  readonly stages: readonly string[];
  readonly store: RolloutStore;
  readonly signal: AbortSignal;
  /** ms since the epoch. */
  readonly now: number;
}

const ATTEMPTS = 5;

/** Undefined when nothing was ever rolled out from there. */
export async function rolloutStatus({
  workload,
  store,
  signal,
}: Pick<SayOptions, "workload" | "store" | "signal">): Promise<RolloutView | undefined> {
  const state = await store.load(signal);
  return state === undefined ? undefined : rolloutView(workload, state);
}

/** Says it to the recorded state; whoever drives hears it with the next turn. Rejects with MB_DEPLOY_REFUSED. */
export async function sayToRollout(word: RolloutWord, options: SayOptions): Promise<RolloutView> {
  const { workload, store, signal } = options;
  const refuse = (reason: string) => fail("MB_DEPLOY_REFUSED", { verb: word.verb, workload, reason });
  if (word.verb === "approve" && !options.stages.includes(word.stage))
    throw refuse(`no stage is called ${word.stage}; there are: ${options.stages.join(", ") || "none"}`);
  for (let attempt = 1; ; attempt++) {
    const state = await store.load(signal);
    if (state === undefined) throw refuse("nothing was rolled out from there yet");
    const said = commanded(word, state.rollout, options.now);
    if ("refused" in said) throw refuse(said.refused);
    const next = { ...state, rollout: said.state };
    try {
      await store.save(next, signal);
      return rolloutView(workload, next);
    } catch (error) {
      // The driver was faster; the word is said to what is there now.
      if (attempt >= ATTEMPTS || !(error instanceof MeshbridgeError) || error.code !== "MB_DEPLOY_TAKEN_OVER") throw error;
    }
  }
}

function commanded(word: RolloutWord, state: RolloutState, now: number): Commanded {
  switch (word.verb) {
    case "pause":
      return pauseRollout(state, "paused by hand");
    case "resume":
      return resumeRollout(state, now);
    case "undo":
      return undoRollout(state);
    case "approve":
      return approveStage(state, word.stage);
  }
}
