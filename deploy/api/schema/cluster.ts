/** The Cluster: a member of the fleet, as the planner sees it. */
import { type Static, Type } from "typebox";
import { API_VERSION, ObjectMetaSchema, strict } from "./common.ts";
import { ConditionSchema } from "./status.ts";

const text = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

const TaintSchema = Type.Object(
  {
    key: Type.String({ minLength: 1, description: "What it is about." }),
    value: Type.Optional(Type.String({ description: "More about it." })),
    effect: Type.Enum(["NoSchedule", "NoExecute"], {
      description: "NoSchedule keeps new workloads away; NoExecute sends running ones away, too.",
    }),
    timeAdded: Type.Optional(Type.String({ description: "RFC 3339 time from which tolerationSeconds count." })),
  },
  { ...strict, description: "What keeps workloads away from the cluster." },
);
export type Taint = Static<typeof TaintSchema>;

export const ClusterSchema = Type.Object(
  {
    apiVersion: Type.Literal(API_VERSION),
    kind: Type.Literal("Cluster"),
    metadata: ObjectMetaSchema,
    spec: Type.Object(
      {
        kubeconfig: text("File of a kubeconfig, from the folder of this file; for the command line. Default: the shared one."),
        context: text("Context of the kubeconfig. Default: the cluster's name; in a file of its own, the current one."),
        region: text("Its region."),
        zone: text("Its zone."),
        provider: text("Who runs it."),
        network: text("Its network; clusters of one network reach each other's Pods."),
        unschedulable: Type.Boolean({ default: false, description: "Cordoned: nothing new is placed; what runs stays." }),
        taints: Type.Array(TaintSchema, { default: [], maxItems: 100, description: "What keeps workloads away." }),
      },
      { ...strict, default: {}, description: "What is known of it by declaration." },
    ),
    status: Type.Optional(
      Type.Object({ conditions: Type.Optional(Type.Array(ConditionSchema)) }, { ...strict, description: "What was observed." }),
    ),
  },
  { ...strict, title: "Cluster", description: "A member of the fleet." },
);
/** With every default filled in. */
export type Cluster = Static<typeof ClusterSchema>;

/** A fleet in a file, for the command line. */
export const ClusterListSchema = Type.Object(
  {
    apiVersion: Type.Literal(API_VERSION),
    kind: Type.Literal("ClusterList"),
    items: Type.Array(ClusterSchema, { minItems: 1, maxItems: 10_000, description: "The members, each name once." }),
  },
  { ...strict, title: "ClusterList", description: "The members of a fleet." },
);
