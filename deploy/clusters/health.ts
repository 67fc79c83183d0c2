/** Whether a cluster answers, and what it has: read now, with the time; what could not be read is left out. */
import type { Clock } from "../../src/kernel/clock.ts";
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { Cluster } from "../api/schema/cluster.ts";
import { isUnschedulable, roomOf } from "../engine/room.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import type { Answer, ClusterClient } from "../kube/types.ts";

export type ClusterHealth = "Ready" | "NotReady" | "Unknown";
type Status = NonNullable<Cluster["status"]>;

/** So long a cluster is still called what it was last seen to be. */
export const FRESH_MS = 40_000;

export type Reading = { readonly status: Status } | { readonly error: MeshbridgeError };

/** Never rejects but by the signal. Nodes, Pods and ClusterProperties that the account may not read are left out. */
export async function readHealth(client: ClusterClient, clock: Clock, signal: AbortSignal): Promise<Reading> {
  const version = await client.version(signal);
  if ("error" in version) return { error: version.error };
  const observedAt = new Date(clock.now()).toISOString();
  const [nodes, pods, properties] = await Promise.all([
    client.list({ group: "", kind: "Node" }, {}, signal),
    client.list({ group: "", kind: "Pod" }, {}, signal),
    client.list({ group: "about.k8s.io", kind: "ClusterProperty" }, {}, signal),
  ]);
  const property = (name: string) =>
    "error" in properties
      ? undefined
      : textAt(
          properties.value.find((one) => nameOf(one) === name),
          "spec",
          "value",
        );
  const [id, clusterSet] = [property("cluster.clusterset.k8s.io"), property("clusterset.k8s.io")];
  return {
    status: {
      observedAt,
      version: version.value,
      ...nodesOf(nodes, pods, clock.now()),
      ...(id !== undefined && { id }),
      ...(clusterSet !== undefined && { clusterSet }),
    },
  };
}

function nodesOf(nodes: Answer<readonly JsonObject[]>, pods: Answer<readonly JsonObject[]>, now: number): Partial<Status> {
  if ("error" in nodes) return {};
  if ("error" in pods) return { nodes: nodes.value.length };
  const usable = roomOf(nodes.value, pods.value);
  const total = (pick: (node: (typeof usable)[number]) => number) =>
    Math.floor(usable.reduce((sum, node) => sum + pick(node), 0));
  return {
    nodes: nodes.value.length,
    readyNodes: usable.length,
    unschedulablePods: pods.value.filter((pod) => isUnschedulable(pod, now)).length,
    room: {
      cpuMilli: total(({ cpuMilli }) => cpuMilli),
      memoryBytes: total(({ memoryBytes }) => memoryBytes),
      pods: total((node) => node.pods),
    },
  };
}

/** What was seen counts only while it is fresh; never seen is Unknown, not unwell. `now` in ms since the epoch. Pure. */
export function healthOf(status: Cluster["status"], now: number): ClusterHealth {
  const observedAt = Date.parse(status?.observedAt ?? "");
  if (!(now - observedAt <= FRESH_MS)) return "Unknown";
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "True";
  return ready === "True" ? "Ready" : ready === "False" ? "NotReady" : "Unknown";
}

function nameOf(object: JsonObject): string | undefined {
  return textAt(object, "metadata", "name");
}
