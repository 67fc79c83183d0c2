/** One turn of one workload of the hub: read it, drive it, tell its status. */
import type { Clock } from "../../src/kernel/clock.ts";
import { parseDuration } from "../../src/kernel/duration.ts";
import { MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import type { Log } from "../../src/kernel/log.ts";
import type { DeployCondition } from "../api/schema/status.ts";
import type { FederatedWorkload } from "../api/schema/workload.ts";
import { validateWorkload } from "../api/validate.ts";
import { type CycleResult, runCycle } from "../driver/cycle.ts";
import { createAddressMemory } from "../driver/facts.ts";
import type { Rails } from "../engine/pass.ts";
import type { Engine } from "../engine/types.ts";
import type { BridgeHttp } from "../gates/bridge-http.ts";
import { type JsonObject, listAt, numberAt, textAt, valueAt } from "../json/value.ts";
import type { ClusterClient } from "../kube/types.ts";
import { viewOf } from "../placement/fleet.ts";
import type { ObjectKey } from "../plan/object-key.ts";
import { updateConditions } from "../status/conditions.ts";
import { invalidCondition, type ToldStatus, workloadStatus, worthWriting } from "../status/workload-status.ts";
import { followedManifests } from "./followed.ts";
import {
  ALLOW_LAST_COPY,
  APPROVE_DELETES,
  annotationOf,
  declaredPart,
  FIELD_MANAGER,
  FINALIZER,
  workloadKeyOf,
} from "./kinds.ts";
import type { Members } from "./members.ts";
import { createStatusStore, type StatusStore } from "./status-store.ts";

export interface ReconcileOptions {
  /** Fenced. */
  readonly hub: ClusterClient;
  readonly engine: Engine;
  readonly members: Members;
  readonly bridges: readonly BridgeHttp[];
  readonly epoch: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Pick<Rails, "maxDeletes" | "maxDeletePercent">;
  /** `group/Kind` of what has no namespace in the members. */
  clusterScoped(signal: AbortSignal): Promise<ReadonlySet<string>>;
}

/** When to come again at the latest, ms; undefined: it is gone. */
export type Turn = (key: string, signal: AbortSignal) => Promise<number | undefined>;

/** Everything at rest is looked at again after so long, so that what was missed is found. */
const REST_MS = 30_000;
/** After something went wrong. */
const RETRY_MS = 2000;

export function createReconciler(options: ReconcileOptions): Turn {
  const memories = new Map<string, ReturnType<typeof createAddressMemory>>();
  return async (key, signal) => {
    const { hub, epoch, log } = options;
    const read = await hub.get(workloadKeyOf(key), signal);
    if ("error" in read) {
      if (read.status !== 404) throw read.error;
      memories.delete(key);
      return undefined;
    }
    const object = read.value;
    const deleting = textAt(object, "metadata", "deletionTimestamp") !== undefined;
    const finalizers = listAt(object, "metadata", "finalizers");
    if (deleting && !finalizers.includes(FINALIZER)) return undefined;
    const store = createStatusStore({ client: hub, workload: key, epoch, object });
    const checked = checkedWorkload(object);
    if ("problem" in checked) {
      await tellInvalid(store, object, { message: checked.problem, clock: options.clock }, signal);
      return REST_MS;
    }
    if (!deleting && !finalizers.includes(FINALIZER))
      return await setFinalizers([...finalizers, FINALIZER], object, options, signal);
    const memory = memories.get(key) ?? createAddressMemory();
    memories.set(key, memory);
    const { result, missing } = await cycleOf({ object, workload: checked.workload, deleting, store, memory }, options, signal);
    if (result.unknown.length > 0) log.debug({ workload: key, unknown: result.unknown }, "something is not known");
    if (deleting && isGone(result))
      return await setFinalizers(
        finalizers.filter((one) => one !== FINALIZER),
        object,
        options,
        signal,
      );
    await tell({ object, workload: checked.workload, store, result, missing }, options, signal);
    await tidy(object, store, result, signal);
    return nextTurn(result, options.clock.now());
  };
}

/** Inline alone: the controller has no files, and runs no tools that a workload of somebody names. */
function checkedWorkload(object: JsonObject): { readonly workload: FederatedWorkload } | { readonly problem: string } {
  const checked = validateWorkload(declaredPart(object));
  if ("problems" in checked)
    return {
      problem: checked.problems
        .map(({ path, message }) => `${path.join(".")} ${message}`)
        .slice(0, 10)
        .join("; "),
    };
  if (checked.object.spec.template.manifests === undefined)
    return { problem: "spec.template has no manifests: in a hub only inline ones are rendered" };
  return { workload: checked.object };
}

interface CycleParts {
  readonly object: JsonObject;
  readonly workload: FederatedWorkload;
  readonly deleting: boolean;
  readonly store: StatusStore;
  readonly memory: ReturnType<typeof createAddressMemory>;
}

async function cycleOf(
  parts: CycleParts,
  options: ReconcileOptions,
  signal: AbortSignal,
): Promise<{ readonly result: CycleResult; readonly missing: readonly ObjectKey[] }> {
  const { object, workload, deleting, store, memory } = parts;
  const { members, engine, bridges, clock, limits } = options;
  const rails: Rails = {
    ...limits,
    approvedDeletes: annotationOf(object, APPROVE_DELETES),
    allowLastCopy: annotationOf(object, ALLOW_LAST_COPY) === "true",
  };
  const { manifests, missing } = await followedManifests(workload, options.hub, signal);
  const input = {
    workload,
    manifests,
    clusterScoped: await options.clusterScoped(signal),
    fleet: (observation: CycleResult["observation"]) =>
      members
        .declared()
        .map((cluster) =>
          viewOf(cluster, observation.clusters.get(cluster.metadata.name)?.reachable === true ? "ready" : "unknown"),
        ),
    lastKnown: lastKnownOf(object),
    // The deletion of the object is the word that all of it may go.
    rails: deleting ? { ...rails, maxDeletePercent: 100, allowLastCopy: true } : rails,
    deleting,
    // A gate that asks the registry holds where no bridge is configured: leaving it out is not the controller's to decide.
    askBridges: true,
  };
  const clients = new Map(members.list().map(({ cluster, client }) => [cluster.metadata.name, client]));
  const world = { clients, engine, bridges, store, exact: true, now: () => clock.now() };
  return { result: await runCycle(input, world, memory, signal), missing };
}

/** What was told last of clusters that may not answer now. */
function lastKnownOf(object: JsonObject): ReadonlyMap<string, number> {
  return new Map(
    listAt(object, "status", "clusters").flatMap((one) => {
      const [name, replicas] = [textAt(one, "name"), numberAt(one, "replicas")];
      return name === undefined || replicas === undefined ? [] : [[name, replicas] as const];
    }),
  );
}

function isGone({ state, waiting, pass }: CycleResult): boolean {
  return state.removals.length === 0 && waiting.length === 0 && pass.plan.actions.every(({ verb }) => verb === "none");
}

async function setFinalizers(
  finalizers: readonly unknown[],
  object: JsonObject,
  { hub }: ReconcileOptions,
  signal: AbortSignal,
): Promise<number | undefined> {
  const metadata = valueAt(object, ["metadata"]) as JsonObject;
  const key = workloadKeyOf(`${textAt(metadata, "namespace") ?? ""}/${textAt(metadata, "name") ?? ""}`);
  const patch = { metadata: { finalizers: finalizers as string[], resourceVersion: metadata["resourceVersion"] ?? null } };
  const answer = await hub.patch(key, patch, { fieldManager: FIELD_MANAGER }, signal);
  if ("error" in answer && answer.status !== 404) throw answer.error;
  return finalizers.includes(FINALIZER) ? 0 : undefined;
}

function statusParts(object: JsonObject) {
  return {
    generation: numberAt(object, "metadata", "generation") ?? 0,
    conditions: listAt(object, "status", "conditions") as unknown as readonly DeployCondition[],
  };
}

async function tellInvalid(
  store: StatusStore,
  object: JsonObject,
  { message, clock }: { readonly message: string; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const { generation, conditions } = statusParts(object);
  await store.load(signal);
  const updated = updateConditions(conditions, [invalidCondition(message)], { generation, now: clock.now() });
  await store.tell({ observedGeneration: generation, conditions: updated as unknown as JsonObject[] }, signal);
}

interface Telling {
  readonly object: JsonObject;
  readonly workload: FederatedWorkload;
  readonly store: StatusStore;
  readonly result: CycleResult;
  readonly missing: readonly ObjectKey[];
}

async function tell(
  { object, workload, store, result, missing }: Telling,
  { clock }: ReconcileOptions,
  signal: AbortSignal,
): Promise<void> {
  const now = clock.now();
  const freshForMs = parseDuration(workload.spec.rollout.gate.freshFor) ?? REST_MS;
  const { pass, observation, state, outcomes } = result;
  const failed = outcomes.filter(({ result: is }) => is === "refused" || is === "conflict");
  const status = workloadStatus({
    ...statusParts(object),
    placement: pass.placement,
    division: pass.division,
    facts: observation.facts,
    rollout: state.rollout,
    plan: pass.plan,
    missing,
    refused: [
      ...pass.problems.map(({ cluster, message }) => `${cluster}: ${message}`),
      ...failed.map(({ action, message }) => `${action.cluster}: ${message}`),
    ],
    freshForMs,
    now,
  });
  const before = (valueAt(object, ["status"]) ?? {}) as unknown as Partial<ToldStatus>;
  if (!worthWriting(before, status, { refreshMs: freshForMs / 2, now })) return;
  await store.tell(status as unknown as JsonObject, signal);
}

/** Templates that nobody will go back to go when a rollout has succeeded. */
async function tidy(object: JsonObject, store: StatusStore, { state }: CycleResult, signal: AbortSignal): Promise<void> {
  const { phase, revision, previous } = state.rollout;
  if (phase !== "Succeeded" || textAt(object, "status", "rollout", "rollout", "phase") === "Succeeded") return;
  await store.prune(new Set([revision, ...(previous === null ? [] : [previous])]), signal);
}

function nextTurn({ nextAt, outcomes, pass }: CycleResult, now: number): number {
  const unfinished = outcomes.some(({ result }) => result === "unreachable" || result === "conflict");
  const queued = pass.plan.actions.some(({ verb }) => verb === "queued");
  const wanted = nextAt === undefined ? REST_MS : Math.max(0, nextAt - now);
  return Math.min(wanted, unfinished || queued ? RETRY_MS : REST_MS);
}

/** What went wrong in a turn: expected kinds are quiet, since the next turn goes on from what is there then. */
export function logTurn(log: Log, key: string, error: unknown): number {
  const code = error instanceof MeshbridgeError ? error.code : undefined;
  if (code === "MB_DEPLOY_TAKEN_OVER" || code === "MB_DEPLOY_NOT_LEADING")
    log.debug({ workload: key, err: error }, "a turn was left");
  else log.warn({ workload: key, reason: reasonOf(error) }, "a turn failed");
  return RETRY_MS;
}
