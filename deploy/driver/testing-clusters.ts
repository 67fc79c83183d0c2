/** For tests: clusters that hold one Deployment, as the engine and the API server would show them. */
import type { Observation } from "../engine/types.ts";
import type { JsonObject } from "../json/value.ts";
import { keyText, type ObjectKey } from "../plan/object-key.ts";
import type { ObservedCluster } from "../plan/types.ts";
import type { ClusterFacts } from "../rollout/types.ts";

const REVISION = "deployment.kubernetes.io/revision";

export interface DeploymentState {
  /** Not a string: it is not there. */
  readonly revision: string | null | undefined;
  readonly replicas: number;
  /** The field of spec that they are written in; default `replicas`. */
  readonly scale?: string;
}

/** The Deployment as its controller has left it; undefined when it is not there. */
export function deploymentIn(
  cluster: string,
  { group, kind, namespace, name }: ObjectKey,
  { revision, replicas, scale = "replicas" }: DeploymentState,
): JsonObject | undefined {
  if (typeof revision !== "string") return undefined;
  return {
    apiVersion: `${group}/v1`,
    kind,
    metadata: { name, namespace, uid: `dep-${cluster}`, generation: 1, annotations: { [REVISION]: revision } },
    spec: { [scale]: replicas },
    status: { observedGeneration: 1 },
  };
}

/** One ReplicaSet for each revision; their uid is `replicaSetUid`. */
export function replicaSetsIn(cluster: string, revisions: readonly string[]): readonly JsonObject[] {
  return revisions.map((revision) => ({
    metadata: {
      uid: replicaSetUid(cluster, revision),
      annotations: { [REVISION]: revision },
      ownerReferences: [{ uid: `dep-${cluster}`, controller: true }],
    },
  }));
}

export function replicaSetUid(cluster: string, revision: string): string {
  return `rs-${cluster}-${revision}`;
}

/** All of them reachable, read at `now`, and healthy at the revision that they have. */
export function observationOf(clusters: ReadonlyMap<string, DeploymentState>, main: ObjectKey, now: number): Observation {
  const seen = new Map<string, ObservedCluster>();
  const facts = new Map<string, ClusterFacts>();
  for (const [name, state] of clusters) {
    const object = deploymentIn(name, main, state);
    const workload = {
      observedAt: now,
      revision: state.revision ?? "",
      health: "Healthy",
      current: true,
      desired: state.replicas,
      message: "",
    } as const;
    facts.set(name, { reachable: { observedAt: now, value: true }, ...(object !== undefined && { workload }) });
    const objects = new Map(object === undefined ? [] : [[keyText(main), object]]);
    seen.set(name, { reachable: true, synced: true, objects, missingKinds: new Set() });
  }
  return {
    clusters: seen,
    facts,
    replicas: new Map(),
    capacity: new Map(),
    ownedObjects: 10,
    problems: [],
    observedAt: now,
  };
}
