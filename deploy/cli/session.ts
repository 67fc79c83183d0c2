/** What every verb of `meshbridge deploy` begins with: the workload, its template, and a connection to each cluster. */
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Clock } from "../../src/kernel/clock.ts";
import type { Risk } from "../../src/kubernetes/kubeconfig.ts";
import { fail } from "../../src/model/errors.ts";
import type { Cluster } from "../api/schema/cluster.ts";
import { API_VERSION } from "../api/schema/common.ts";
import type { FederatedWorkload } from "../api/schema/workload.ts";
import { demandFor } from "../driver/cycle.ts";
import { clusterScopedKinds, createEngine } from "../engine/engine.ts";
import { type Pass, planPass, type Rails, templateKeys } from "../engine/pass.ts";
import type { Engine, Observation } from "../engine/types.ts";
import type { JsonObject } from "../json/value.ts";
import { connectMember } from "../kube/connect.ts";
import type { ClusterClient } from "../kube/types.ts";
import { type ClusterView, sortFleet, viewOf } from "../placement/fleet.ts";
import { type Followed, followDependencies } from "../plan/dependencies.ts";
import type { ObjectKey } from "../plan/object-key.ts";
import { workloadKey } from "../plan/wanted.ts";
import { fetchDependencies } from "../templates/dependencies.ts";
import { renderTemplate } from "../templates/render.ts";
import { readClusters, readWorkload } from "./inputs.ts";

export interface SessionOptions {
  /** File of the FederatedWorkload. */
  readonly file: string;
  /** File of a ClusterList; undefined: each of `contexts` is a cluster of that name. */
  readonly clusters: string | undefined;
  readonly contexts: readonly string[];
  /** Default: $KUBECONFIG, then ~/.kube/config. */
  readonly kubeconfig: string | undefined;
  /** Context of the cluster that dependencies are taken from; undefined: the template must have them. */
  readonly dependenciesFrom: string | undefined;
  readonly allow: readonly Risk[];
  readonly withinMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

export interface Session {
  /** `namespace/name`. */
  readonly key: string;
  readonly workload: FederatedWorkload;
  /** The template rendered, dependencies with it. */
  readonly manifests: readonly JsonObject[];
  /** `group/Kind` of what has no namespace, beside Kubernetes' own. */
  readonly clusterScoped: ReadonlySet<string>;
  readonly clients: ReadonlyMap<string, ClusterClient>;
  readonly engine: Engine;
  /** Named by the workload, and neither in its template nor anywhere else to be taken from. */
  readonly missing: readonly ObjectKey[];
  readonly file: string;
  readonly signal: AbortSignal;
  /** ms since the epoch. */
  now(): number;
  observe(): Promise<Observation>;
  /** The members as they were seen: ready, or unknown when they did not answer. */
  fleet(observation: Observation): readonly ClusterView[];
  pass(observation: Observation, options: { readonly rails: Rails; readonly deleting: boolean }): Pass;
  close(): void;
}

/** Rejects with errors of the table; a cluster that does not answer is none. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { file, signal, clock, withinMs } = options;
  const workload = await readWorkload(file);
  const members = await membersOf(options);
  const rendered = await renderTemplate(workload, { file, signal });
  const { manifests, missing } = await followed(workload, rendered, options);
  const clients = await connectAll(members, options);
  const scope = await clusterScopedKinds(clients, AbortSignal.any([signal, AbortSignal.timeout(withinMs)])).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      if (!(error instanceof DOMException)) throw error;
      // Not all have answered in time: Kubernetes' own kinds are known without them.
      return new Set<string>();
    },
  );
  const template = { workload, manifests, clusterScoped: scope };
  const engine = createEngine({ clients, clock, withinMs });
  const request = {
    workload: workloadKey(workload),
    ...templateKeys(template),
    demand: demandFor(workload, manifests),
    kinds: workload.spec.interpret,
  };
  const fleet = (observation: Observation) =>
    members.map((member) => {
      const reachable = observation.clusters.get(member.metadata.name)?.reachable === true;
      return viewOf(member, reachable ? "ready" : "unknown");
    });
  return {
    key: request.workload,
    ...template,
    clients,
    engine,
    missing,
    file,
    signal,
    now: () => clock.now(),
    observe: () => engine.observe(request, signal),
    fleet,
    pass(observation, { rails, deleting }) {
      return planPass({
        ...template,
        fleet: sortFleet(fleet(observation)),
        observation,
        lastKnown: new Map(),
        rails,
        deleting,
        now: clock.now(),
      });
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

/** With what the workload names, when it says that this is to follow. Rejects with what the source refused: half would be too little. */
async function followed(
  { metadata, spec }: FederatedWorkload,
  manifests: readonly JsonObject[],
  options: SessionOptions,
): Promise<Followed> {
  if (spec.policy.dependencies !== "Follow") return { manifests, missing: [] };
  const { dependenciesFrom: context, allow, clock, random, signal } = options;
  const namespace = metadata.namespace ?? "default";
  if (context === undefined) return followDependencies(manifests, new Map(), namespace);
  const source = await connectMember({ name: context, kubeconfig: standardKubeconfig(options), context, allow, clock, random });
  try {
    const { objects, problems } = await fetchDependencies(source, manifests, namespace, signal);
    if (problems[0] !== undefined) throw problems[0].error;
    return followDependencies(manifests, objects, namespace);
  } finally {
    source.close();
  }
}

async function membersOf({ clusters, contexts }: SessionOptions): Promise<readonly Cluster[]> {
  const listed = clusters === undefined ? contexts.map(clusterOfContext) : await readClusters(clusters);
  if (listed.length === 0)
    throw fail("MB_USAGE", {
      reason: "no cluster is named: give --clusters FILE or --context NAME",
      command: "meshbridge deploy",
    });
  return listed;
}

function clusterOfContext(name: string): Cluster {
  const spec = { unschedulable: false, taints: [] };
  return { apiVersion: API_VERSION, kind: "Cluster", metadata: { name }, spec };
}

async function connectAll(members: readonly Cluster[], options: SessionOptions): Promise<ReadonlyMap<string, ClusterClient>> {
  const { clusters, allow, clock, random } = options;
  const base = clusters === undefined ? "." : dirname(clusters);
  const standard = standardKubeconfig(options);
  const clients = await Promise.all(
    members.map(async ({ metadata: { name }, spec }) => {
      const own = spec.kubeconfig === undefined ? undefined : resolve(base, spec.kubeconfig);
      // A file of its own has its own current context; in a shared one, the cluster's name is that of its context.
      const context = spec.context ?? (own === undefined ? name : undefined);
      return [name, await connectMember({ name, kubeconfig: own ?? standard, context, allow, clock, random })] as const;
    }),
  );
  return new Map(clients);
}

function standardKubeconfig({ kubeconfig, env }: SessionOptions): string {
  return kubeconfig ?? (env["KUBECONFIG"] || join(homedir(), ".kube", "config"));
}
