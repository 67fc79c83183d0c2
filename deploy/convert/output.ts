/** What a conversion makes, and from which parts. Pure. */
import { API_VERSION } from "../api/schema/common.ts";
import { type Json, type JsonObject, textAt, valueAt, withKey } from "../json/value.ts";

/** The parts of a FederatedWorkload's spec that a conversion fills; what is left out has its default. */
export interface WorkloadDraft {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly manifests: readonly JsonObject[];
  readonly placement: JsonObject;
  readonly overrides: readonly JsonObject[];
  readonly replicas?: JsonObject | undefined;
  readonly policy: JsonObject;
}

export function workloadOf({ name, namespace, manifests, placement, overrides, replicas, policy }: WorkloadDraft): JsonObject {
  return {
    apiVersion: API_VERSION,
    kind: "FederatedWorkload",
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec: {
      template: { manifests: manifests.map(written) },
      placement,
      ...(overrides.length > 0 && { overrides }),
      ...(replicas !== undefined && { replicas }),
      ...(Object.keys(policy).length > 0 && { policy }),
    },
  };
}

/** As somebody would have written it: no status, and of its metadata what people write. */
function written(manifest: JsonObject): JsonObject {
  const kept = Object.fromEntries(Object.entries(manifest).filter(([key]) => key !== "status"));
  const metadata = Object.fromEntries(
    ["name", "namespace", "labels", "annotations"].flatMap((key): [string, Json][] => {
      const value = valueAt(manifest, ["metadata", key]);
      return value === undefined ? [] : [[key, value]];
    }),
  );
  return withKey(kept, "metadata", metadata);
}

/** Which manifest an override is for: without it, one would be for everything that has Pods. */
export function targetOf(manifest: JsonObject): JsonObject {
  return { kind: textAt(manifest, "kind") ?? "", name: textAt(manifest, "metadata", "name") ?? "" };
}

/** An object without the keys whose value is undefined. */
export function defined(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
