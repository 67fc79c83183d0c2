/** What an account needs for the workloads that it is made for. Pure. */
import type { FederatedWorkload } from "../api/schema/workload.ts";
import type { JsonObject } from "../json/value.ts";
import type { KindRef } from "../kube/types.ts";
import { isRare } from "../plan/inventory.ts";
import { keyOf } from "../plan/object-key.ts";

export interface Needs {
  readonly kinds: readonly KindRef[];
  readonly room: boolean;
  readonly gates: boolean;
}

const FOLLOWED = ["ConfigMap", "PersistentVolumeClaim", "Secret", "ServiceAccount"];

/** `manifests`: the workload's template rendered. */
export function needsOf({ spec }: FederatedWorkload, manifests: readonly JsonObject[]): Needs {
  const followed = spec.policy.dependencies === "Follow" ? FOLLOWED.map((kind) => ({ group: "", kind })) : [];
  const kinds = [...manifests.map(keyOf).map(({ group, kind }) => ({ group, kind })), ...followed];
  // Kinds that are not common are remembered in a ConfigMap of the workload.
  const inventory = kinds.some(({ group, kind }) => isRare(`${group}/${kind}`)) ? [{ group: "", kind: "ConfigMap" }] : [];
  return {
    kinds: [...kinds, ...inventory],
    room: spec.placement.groups.length > 0 || ["capacity", "aggregated"].includes(spec.replicas?.by ?? "weight"),
    gates: spec.rollout.gate.registry !== undefined,
  };
}

/** Of several workloads together, each kind once. */
export function allNeeds(needs: readonly Needs[]): Needs {
  const kinds = new Map(needs.flatMap((one) => one.kinds.map((kind) => [`${kind.group}/${kind.kind}`, kind] as const)));
  return { kinds: [...kinds.values()], room: needs.some(({ room }) => room), gates: needs.some(({ gates }) => gates) };
}
