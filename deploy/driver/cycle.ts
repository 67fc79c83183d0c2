/**
 * One turn of one workload, for the command line and the controller alike: load what was kept, look, decide, keep, act. What
 * it needs of the world is handed in; between two turns nothing is remembered that may not be lost.
 */

import { parseDuration } from "../../src/kernel/duration.ts";
import type { FederatedWorkload } from "../api/schema/workload.ts";
import {
  type Pass,
  type PassInput as PlanInput,
  placementOf,
  planPass,
  podSpecOf,
  type Rails,
  type RevisionTemplate,
  templateKeys,
} from "../engine/pass.ts";
import { demandOf } from "../engine/room.ts";
import type { Engine, Observation } from "../engine/types.ts";
import type { BridgeHttp } from "../gates/bridge-http.ts";
import { drainAll, undrainAll } from "../gates/drains.ts";
import { readService } from "../gates/reading.ts";
import { type JsonObject, textAt, valueAt, withKey } from "../json/value.ts";
import type { ClusterClient } from "../kube/types.ts";
import { type ClusterView, type Fleet, sortFleet } from "../placement/fleet.ts";
import { keyText, type ObjectKey } from "../plan/object-key.ts";
import { fieldManager } from "../plan/ownership.ts";
import type { PlannedAction } from "../plan/types.ts";
import { revisionOf, workloadKey } from "../plan/wanted.ts";
import { planRollout } from "../rollout/plan-stages.ts";
import { beginRollout } from "../rollout/step.ts";
import type { createAddressMemory } from "./facts.ts";
import { markForRemoval, readLive } from "./live.ts";
import { drivePass } from "./pass.ts";
import type { RolloutStore } from "./store.ts";
import type { DriverPorts, DriverState, DriverWorkload, LiveWorkload, PassResult } from "./types.ts";

export interface CycleWorld {
  readonly clients: ReadonlyMap<string, ClusterClient>;
  readonly engine: Engine;
  /** Asked for registry and proxies, and told to drain. */
  readonly bridges: readonly BridgeHttp[];
  readonly store: RolloutStore;
  /**
   * True: an update is refused by the API server unless the object is the very one that was seen. It is made again with the
   * next turn, from what is there then.
   */
  readonly exact?: boolean;
  /** ms since the epoch. */
  readonly now: () => number;
}

export interface CycleInput {
  readonly workload: FederatedWorkload;
  /** The template rendered, dependencies with it. */
  readonly manifests: readonly JsonObject[];
  /** `group/Kind` of what has no namespace, beside Kubernetes' own. */
  readonly clusterScoped: ReadonlySet<string>;
  /** The members as they are seen now. */
  fleet(observation: Observation): readonly ClusterView[];
  /** Replicas last known of clusters that do not answer now. */
  readonly lastKnown: ReadonlyMap<string, number>;
  readonly rails: Rails;
  readonly deleting: boolean;
  /** False: a registry gate is not asked and nothing is drained. */
  readonly askBridges: boolean;
  /** Throws to refuse the plan before anything is kept or written. */
  readonly agree?: (pass: Pass) => void;
}

export interface CycleResult extends PassResult {
  readonly observation: Observation;
  /** What is planned for all clusters together, as far as each is told its revision. */
  readonly pass: Pass;
}

/** Rejects with the signal's reason, with MB_DEPLOY_TAKEN_OVER, or when the state cannot be kept; nothing is done then. */
export async function runCycle(
  input: CycleInput,
  world: CycleWorld,
  memory: ReturnType<typeof createAddressMemory>,
  signal: AbortSignal,
): Promise<CycleResult> {
  const { workload, manifests, deleting } = input;
  const { store } = world;
  const declared: RevisionTemplate = {
    revision: revisionOf(workload, manifests),
    manifests,
    overrides: workload.spec.overrides,
  };
  const kept = await store.load(signal);
  const state = stateFor(kept, deleting ? undefined : declared.revision);
  const templates = await templatesOf(state, declared, store, signal);
  const request = requestOf(input, templates);
  const observation = await world.engine.observe(request, signal);
  const planInput = { ...planInputOf(input, observation, world.now()), templateFor: () => declared };
  if (!deleting) input.agree?.(planPass(planInput));
  if (kept?.rollout !== state.rollout && !deleting) {
    await store.keepTemplate(declared, signal);
    await store.save(state, signal);
  }
  let pass: Pass | undefined;
  const ports = portsOf({ input, world, main: request.main, observation }, (revisions) => {
    const templateFor = (cluster: string) => templates.get(revisions.get(cluster) ?? "") ?? null;
    pass = planPass({ ...planInput, templateFor });
    return pass.plan.actions;
  });
  const driven = driverOf({ input, main: request.main, placed: placementOf(planInput).clusters, fleet: planInput.fleet });
  const result = await drivePass({ workload: driven, state, memory }, ports, signal);
  if (pass === undefined) throw new TypeError("a pass without a plan");
  return { ...result, observation, pass };
}

/** Undefined revision: whatever is being rolled out stays as it is, since everything leaves. */
function stateFor(kept: DriverState | undefined, revision: string | undefined): DriverState {
  const rollout = revision === undefined ? kept?.rollout : beginRollout(kept?.rollout, revision);
  return { rollout: rollout ?? beginRollout(undefined, ""), removals: kept?.removals ?? [] };
}

/** Of every revision that a cluster may be told to have. One that was never kept is missing: its clusters are left as they are. */
async function templatesOf(
  { rollout }: DriverState,
  declared: RevisionTemplate,
  store: RolloutStore,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, RevisionTemplate>> {
  const found = new Map([[declared.revision, declared]]);
  for (const revision of [rollout.revision, rollout.previous]) {
    if (revision === null || found.has(revision)) continue;
    const template = await store.template(revision, signal);
    if (template !== undefined) found.set(revision, template);
  }
  return found;
}

function requestOf({ workload, manifests, clusterScoped }: CycleInput, templates: ReadonlyMap<string, RevisionTemplate>) {
  const { main } = templateKeys({ workload, manifests, clusterScoped });
  const keys = new Map<string, ObjectKey>();
  for (const template of templates.values())
    for (const key of templateKeys({ workload, manifests: template.manifests, clusterScoped }).keys) keys.set(keyText(key), key);
  const demand = demandFor(workload, manifests);
  return { workload: workloadKey(workload), keys: [...keys.values()], main, demand, kinds: workload.spec.interpret };
}

/** Room is measured only where a decision depends on it: it needs more rights, and takes longer. */
export function demandFor({ spec }: FederatedWorkload, manifests: readonly JsonObject[]) {
  const byRoom = spec.placement.groups.length > 0 || ["capacity", "aggregated"].includes(spec.replicas?.by ?? "weight");
  return byRoom ? demandOf(podSpecOf(manifests)) : undefined;
}

function planInputOf(input: CycleInput, observation: Observation, now: number): Omit<PlanInput, "templateFor"> {
  const { workload, manifests, clusterScoped, lastKnown, rails, deleting } = input;
  const fleet = sortFleet(input.fleet(observation));
  return { workload, manifests, clusterScoped, fleet, observation, lastKnown, rails, deleting, now };
}

interface DriverOf {
  readonly input: CycleInput;
  readonly main: ObjectKey | undefined;
  readonly placed: readonly string[];
  readonly fleet: Fleet;
}

function driverOf({ input, main, placed, fleet }: DriverOf): DriverWorkload {
  const { rollout } = input.workload.spec;
  const views = input.deleting ? [] : placed.flatMap((name) => fleet.byName.get(name) ?? []);
  const plan = planRollout(rollout, views);
  const gate = input.askBridges ? plan.gate : { ...plan.gate, registryPercent: undefined, proxiesAcked: false };
  return {
    key: workloadKey(input.workload),
    main,
    rollout: { ...plan, gate },
    kinds: input.workload.spec.interpret,
    service: input.askBridges ? rollout.gate.registry?.service : undefined,
    // The schema has seen to its form.
    drainMs: parseDuration(rollout.drain) ?? 0,
    allowLast: input.deleting || input.rails.allowLastCopy,
  };
}

interface PortsOf {
  readonly input: CycleInput;
  readonly world: CycleWorld;
  readonly main: ObjectKey | undefined;
  readonly observation: Observation;
}

function portsOf({ input, world, main, observation }: PortsOf, plan: DriverPorts["plan"]): DriverPorts {
  const { clients, engine, bridges, store, now } = world;
  const key = workloadKey(input.workload);
  const live = async (cluster: string, signal: AbortSignal): Promise<LiveWorkload | undefined> => {
    const client = clients.get(cluster);
    return client === undefined || main === undefined ? undefined : await readLive(client, main, { now, signal });
  };
  return {
    now,
    observe: async () => observation,
    plan,
    live,
    readings(signal) {
      const service = input.workload.spec.rollout.gate.registry?.service ?? "";
      return Promise.all(bridges.map((bridge) => readService(bridge, service, { now, signal })));
    },
    drain: (order, signal) => drainAll(bridges, order, signal),
    undrain: (order, signal) => undrainAll(bridges, order, signal),
    async markForRemoval(cluster, pods, signal) {
      const client = clients.get(cluster);
      const seen = await live(cluster, signal);
      if (client === undefined || seen === undefined) return false;
      return await markForRemoval(client, { live: seen, pods, fieldManager: fieldManager(key) }, signal);
    },
    apply(actions, signal) {
      const told = world.exact === true ? actions.map((action) => withVersion(action, observation)) : actions;
      return engine.apply(told, { workload: key }, signal);
    },
    save: (state, signal) => store.save(state, signal),
  };
}

/** An update that says which version of the object it follows on. */
function withVersion(action: PlannedAction, { clusters }: Observation): PlannedAction {
  const seen = clusters.get(action.cluster)?.objects.get(keyText(action.key));
  const resourceVersion = textAt(seen, "metadata", "resourceVersion");
  if (action.verb !== "update" || action.manifest === undefined || resourceVersion === undefined) return action;
  const metadata = (valueAt(action.manifest, ["metadata"]) ?? {}) as JsonObject;
  return { ...action, manifest: withKey(action.manifest, "metadata", { ...metadata, resourceVersion }) };
}
