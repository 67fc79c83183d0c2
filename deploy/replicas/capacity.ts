/** How many replicas a cluster can hold, from what is seen of it. Pure. */

/** What one replica asks for. */
export interface ReplicaDemand {
  /** CPU in thousandths of a core, 0 when none is asked for. */
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

/** A node's allocatable minus the requests of the Pods on it. Nodes that take nothing are left out by the caller. */
export interface NodeRoom {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly pods: number;
}

export interface CapacityEvidence {
  /** Undefined when nodes could not be read. */
  readonly nodes: readonly NodeRoom[] | undefined;
  readonly demand: ReplicaDemand;
  /** Replicas written to the cluster. */
  readonly desired: number;
  /** Its Pods that have been Unschedulable for longer than a minute. */
  readonly unschedulable: number;
}

/**
 * Room for this workload in all, its running replicas included; undefined without evidence. Each node counts by itself:
 * half a replica's room on two nodes is room for none. Pods that nobody can place prove that there is no more room,
 * whatever the nodes seem to have (affinity, quota, taints).
 */
export function capacityOf({ nodes, demand, desired, unschedulable }: CapacityEvidence): number | undefined {
  const running = Math.max(0, desired - unschedulable);
  if (unschedulable > 0) return running;
  if (nodes === undefined) return undefined;
  return running + nodes.reduce((sum, node) => sum + fits(node, demand), 0);
}

function fits({ cpuMilli, memoryBytes, pods }: NodeRoom, demand: ReplicaDemand): number {
  const byCpu = demand.cpuMilli > 0 ? cpuMilli / demand.cpuMilli : Number.POSITIVE_INFINITY;
  const byMemory = demand.memoryBytes > 0 ? memoryBytes / demand.memoryBytes : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.floor(Math.min(byCpu, byMemory, pods)));
}
