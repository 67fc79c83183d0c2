/** What the verbs of `meshbridge deploy` do, as data; who calls them prints it. */
import { fail } from "../../src/model/errors.ts";
import type { Pass, Rails } from "../engine/pass.ts";
import type { ActionOutcome, Observation } from "../engine/types.ts";
import { objectText } from "../plan/object-key.ts";
import type { PlannedAction, ShownDiff } from "../plan/types.ts";
import { clusterStatus, healthCondition } from "../status/cluster-status.ts";
import type { Session } from "./session.ts";

export interface ActionView {
  readonly cluster: string;
  readonly verb: string;
  readonly object: string;
  readonly reason: string;
  readonly message: string;
  readonly diffs: readonly ShownDiff[];
}

export interface PlanView {
  readonly workload: string;
  readonly revision: string;
  /** What `--plan-hash` takes. */
  readonly hash: string;
  readonly actions: readonly ActionView[];
  /** Deletes that wait for somebody to say this hash with `--approve-deletes`. */
  readonly ask: { readonly hash: string; readonly message: string } | undefined;
  readonly replicas: readonly {
    readonly cluster: string;
    readonly replicas: number;
    readonly pending: number;
    readonly why: readonly string[];
  }[];
  readonly placement: readonly {
    readonly cluster: string;
    readonly placed: boolean;
    readonly reason: string;
    readonly message: string;
  }[];
  /** Why less is placed than was asked for. */
  readonly unsatisfied: string | undefined;
  /** What the template names, and is neither in it nor where dependencies come from. */
  readonly missing: readonly string[];
  readonly problems: readonly { readonly cluster: string; readonly code: string; readonly message: string }[];
}

export interface OutcomeView extends Omit<ActionView, "diffs"> {
  readonly result: ActionOutcome["result"];
  readonly conflicts: ActionOutcome["conflicts"];
}

export interface ApplyView extends PlanView {
  readonly outcomes: readonly OutcomeView[];
}

export interface PlanOptions {
  readonly rails: Rails;
  readonly deleting: boolean;
}

export interface ApplyVerbOptions extends PlanOptions {
  /** Refused when the plan is another by now. */
  readonly planHash: string | undefined;
  readonly dryRun: boolean;
}

export async function plan(session: Session, options: PlanOptions): Promise<PlanView> {
  const { observation, pass } = await look(session, options);
  return viewOf(session, observation, pass);
}

/** Rejects with MB_DEPLOY_PLAN_CHANGED before anything is written when the plan is not the one that was agreed to. */
export async function apply(session: Session, { planHash, dryRun, ...options }: ApplyVerbOptions): Promise<ApplyView> {
  const { observation, pass } = await look(session, options);
  if (planHash !== undefined && planHash !== pass.plan.hash)
    throw fail("MB_DEPLOY_PLAN_CHANGED", { workload: session.key, given: planHash, now: pass.plan.hash });
  const outcomes = await session.engine.apply(pass.plan.actions, { workload: session.key, dryRun }, session.signal);
  const seen = outcomes.map(({ action, result, message, conflicts }) => {
    const { diffs: _, ...view } = actionView(action);
    return { ...view, message, result, conflicts };
  });
  return { ...viewOf(session, observation, pass), outcomes: seen };
}

/** Health of each cluster it is placed in, from fresh facts. */
export async function status(session: Session, options: PlanOptions) {
  const { observation, pass } = await look(session, options);
  const now = session.now();
  const clusters = pass.placement.decisions
    .filter(({ placed }) => placed)
    .map(({ cluster, message }) => {
      const share = pass.division?.shares.find((one) => one.cluster === cluster);
      const facts = observation.facts.get(cluster) ?? {};
      const told = clusterStatus({ cluster, facts, share, placement: message, revision: pass.revision, freshForMs: 60_000, now });
      return {
        ...told,
        message: facts.workload?.message ?? (facts.reachable?.value === false ? "it does not answer" : "it is not there"),
      };
    });
  const { status: healthy, message } = healthCondition(clusters);
  const missing = session.missing.map(objectText);
  return {
    workload: session.key,
    revision: pass.revision,
    healthy,
    message,
    clusters,
    missing,
    problems: problemsOf(observation),
  };
}

async function look(session: Session, options: PlanOptions): Promise<{ readonly observation: Observation; readonly pass: Pass }> {
  const observation = await session.observe();
  const pass = session.pass(observation, options);
  if (pass.problems.length > 0) {
    const lines = pass.problems.map(({ cluster, rule, message }) =>
      rule < 0 ? `${cluster}: ${message}` : `${session.file}  spec.overrides[${rule}] for ${cluster}: ${message}`,
    );
    throw fail("MB_DEPLOY_INVALID", { problems: lines.join("\n") });
  }
  return { observation, pass };
}

function viewOf(
  session: Session,
  observation: Observation,
  { revision, plan: { actions, hash, ask }, division, placement }: Pass,
): PlanView {
  return {
    workload: session.key,
    revision,
    hash,
    actions: actions.map(actionView),
    ask,
    replicas: division?.shares ?? [],
    placement: placement.decisions.map(({ cluster, placed, reason, message }) => ({ cluster, placed, reason, message })),
    unsatisfied: placement.unsatisfied,
    missing: session.missing.map(objectText),
    problems: problemsOf(observation),
  };
}

function actionView({ cluster, verb, key, reason, message, diffs }: PlannedAction): ActionView {
  return { cluster, verb, object: objectText(key), reason, message, diffs };
}

function problemsOf({ problems }: Observation): PlanView["problems"] {
  return problems.map(({ cluster, error }) => ({ cluster, code: error.code, message: error.message }));
}
