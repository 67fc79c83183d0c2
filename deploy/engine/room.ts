/** How many replicas a cluster holds, from its nodes and Pods. */
import { type Json, type JsonObject, listAt, ownValue, textAt, valueAt } from "../json/value.ts";
import type { ClusterClient } from "../kube/types.ts";
import { parseQuantity } from "../plan/quantity.ts";
import { capacityOf, type NodeRoom, type ReplicaDemand } from "../replicas/capacity.ts";

export interface RoomRequest {
  readonly demand: ReplicaDemand | undefined;
  /** The workload's object in the cluster. */
  readonly main: JsonObject | undefined;
  /** Replicas it was given. */
  readonly replicas: number;
  /** ms since the epoch. */
  readonly now: number;
}

/** Undefined when nobody asks, or when nodes or Pods cannot be read: no figure is no evidence of room. */
export async function measureRoom(
  client: ClusterClient,
  { demand, main, replicas, now }: RoomRequest,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (demand === undefined) return undefined;
  const [nodes, pods] = await Promise.all([
    client.list({ group: "", kind: "Node" }, {}, signal),
    client.list({ group: "", kind: "Pod" }, {}, signal),
  ]);
  if ("error" in nodes || "error" in pods) return undefined;
  const selector = valueAt(main, ["spec", "selector", "matchLabels"]);
  const namespace = textAt(main, "metadata", "namespace");
  const own =
    main === undefined
      ? []
      : pods.value.filter((pod) => textAt(pod, "metadata", "namespace") === namespace && isSelected(pod, selector));
  return capacityOf({
    nodes: roomOf(nodes.value, pods.value),
    demand,
    desired: replicas,
    unschedulable: own.filter((pod) => isUnschedulable(pod, now)).length,
  });
}

/** What one replica of the Pod template asks for: its containers together. */
export function demandOf(pod: Json | undefined): ReplicaDemand {
  const of = (list: string, name: string) =>
    listAt(pod, list).map((container) => quantity(valueAt(container, ["resources", "requests", name])));
  const total = (name: string) =>
    Math.max(
      of("containers", name).reduce((sum, one) => sum + one, 0),
      ...of("initContainers", name),
    );
  return { cpuMilli: Math.ceil(total("cpu") * 1000), memoryBytes: Math.ceil(total("memory")) };
}

/** Schedulable nodes that are ready and have no taint that keeps Pods out; each with what its Pods leave of it. */
export function roomOf(nodes: readonly JsonObject[], pods: readonly JsonObject[]): readonly NodeRoom[] {
  const byNode = Map.groupBy(
    pods.filter((pod) => !["Succeeded", "Failed"].includes(textAt(pod, "status", "phase") ?? "")),
    (pod) => textAt(pod, "spec", "nodeName"),
  );
  return nodes.filter(takesPods).map((node) => {
    const here = byNode.get(textAt(node, "metadata", "name")) ?? [];
    const asked = here.map((pod) => demandOf(valueAt(pod, ["spec"])));
    const has = (name: string) => quantity(valueAt(node, ["status", "allocatable", name]));
    return {
      cpuMilli: has("cpu") * 1000 - asked.reduce((sum, { cpuMilli }) => sum + cpuMilli, 0),
      memoryBytes: has("memory") - asked.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      pods: has("pods") - here.length,
    };
  });
}

function takesPods(node: JsonObject): boolean {
  if (valueAt(node, ["spec", "unschedulable"]) === true) return false;
  if (listAt(node, "spec", "taints").some((taint) => textAt(taint, "effect") !== "PreferNoSchedule")) return false;
  return listAt(node, "status", "conditions").some((one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "True");
}

function isSelected(pod: JsonObject, selector: Json | undefined): boolean {
  const labels = Object.entries((selector ?? {}) as JsonObject);
  return labels.length > 0 && labels.every(([key, value]) => ownValue(valueAt(pod, ["metadata", "labels"]), key) === value);
}

/** For more than a minute, by the API server's and our own clock: younger ones may just not have been looked at. */
export function isUnschedulable(pod: JsonObject, now: number): boolean {
  return listAt(pod, "status", "conditions").some(
    (one) =>
      textAt(one, "type") === "PodScheduled" &&
      textAt(one, "reason") === "Unschedulable" &&
      now - Date.parse(textAt(one, "lastTransitionTime") ?? "") > 60_000,
  );
}

function quantity(value: Json | undefined): number {
  if (typeof value === "number") return value;
  return (typeof value === "string" ? parseQuantity(value) : undefined) ?? 0;
}
