/** The CustomResourceDefinitions of the deploy objects, generated from the schemas that also check files. Pure. */
import type { TSchema } from "typebox";
import { inputSchema } from "../../src/config/schema.ts";
import { ClusterSchema } from "../api/schema/cluster.ts";
import { API_VERSION } from "../api/schema/common.ts";
import { FederatedWorkloadSchema } from "../api/schema/workload.ts";
import type { JsonObject } from "../json/value.ts";
import { CLUSTER_RULES, type Rules, WORKLOAD_RULES } from "./rules.ts";
import { structural } from "./structural.ts";

const [GROUP = "", VERSION = ""] = API_VERSION.split("/");

interface Definition {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly scope: "Namespaced" | "Cluster";
  readonly schema: TSchema;
  readonly rules: Rules;
  readonly columns: readonly (readonly [name: string, type: string, path: string])[];
}

const DEFINITIONS: readonly Definition[] = [
  {
    kind: "FederatedWorkload",
    plural: "federatedworkloads",
    shortNames: ["fwl"],
    scope: "Namespaced",
    schema: FederatedWorkloadSchema,
    rules: WORKLOAD_RULES,
    columns: [
      ["Revision", "string", ".status.rollout.rollout.revision"],
      ["Rollout", "string", ".status.rollout.rollout.phase"],
      ["Healthy", "string", '.status.conditions[?(@.type=="Healthy")].status'],
      ["Message", "string", ".status.rollout.rollout.message"],
      ["Age", "date", ".metadata.creationTimestamp"],
    ],
  },
  {
    kind: "Cluster",
    plural: "clusters",
    shortNames: [],
    scope: "Cluster",
    schema: ClusterSchema,
    rules: CLUSTER_RULES,
    columns: [
      ["Ready", "string", '.status.conditions[?(@.type=="Ready")].status'],
      ["Region", "string", ".spec.region"],
      ["Cordoned", "boolean", ".spec.unschedulable"],
      ["Version", "string", ".status.version"],
      ["Age", "date", ".metadata.creationTimestamp"],
    ],
  },
];

/** In the order to apply them. */
export function customResourceDefinitions(): readonly JsonObject[] {
  return DEFINITIONS.map(definitionOf);
}

function definitionOf({ kind, plural, shortNames, scope, schema, rules, columns }: Definition): JsonObject {
  const input = inputSchema(schema) as {
    readonly description: string;
    readonly properties: Readonly<Record<string, unknown>>;
    readonly required?: readonly string[];
  };
  const field = (name: string) => structural(input.properties[name], rules, [name]);
  const openAPIV3Schema: JsonObject = {
    description: input.description,
    type: "object",
    required: ["spec"],
    // Name and labels are Kubernetes' own to check.
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: field("spec"),
      status: field("status"),
    },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames: [...shortNames] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns.map(([name, type, jsonPath]) => ({ name, type, jsonPath })),
          schema: { openAPIV3Schema },
        },
      ],
    },
  };
}
