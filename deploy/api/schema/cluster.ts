/** The Cluster: a member of the fleet, as the planner sees it. */
import { type Static, Type } from "typebox";
import { API_VERSION, kubeName, ObjectMetaSchema, strict } from "./common.ts";
import { ConditionSchema, time } from "./status.ts";

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

const SecretRefSchema = Type.Object(
  {
    name: kubeName("The Secret."),
    namespace: Type.Optional(kubeName("Its namespace. Default: that of the Cluster, or meshbridge-system.")),
    key: Type.String({ minLength: 1, default: "kubeconfig", description: "Key of its data under which the kubeconfig stands." }),
  },
  { ...strict, description: "A Secret of the hub that holds a kubeconfig; for the controller." },
);

const count = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description }));

/** Each part is left out when it could not be read: no figure is no evidence. */
const ClusterStatusSchema = Type.Object(
  {
    conditions: Type.Optional(Type.Array(ConditionSchema, { description: "Ready: it answers, and has done so lately." })),
    observedAt: Type.Optional(time("When it last answered.")),
    version: Type.Optional(Type.String({ description: "Version of its API server." })),
    nodes: count("Its nodes."),
    readyNodes: count("Nodes that are ready and take Pods."),
    room: Type.Optional(
      Type.Object(
        { cpuMilli: Type.Integer(), memoryBytes: Type.Integer(), pods: Type.Integer() },
        { ...strict, description: "Allocatable less requests, over the nodes that take Pods; below nothing when overcommitted." },
      ),
    ),
    unschedulablePods: count("Pods that have stayed Unschedulable for more than a minute."),
    id: text("Its ID by the About API (ClusterProperty cluster.clusterset.k8s.io)."),
    clusterSet: text("The ClusterSet it says it is in (ClusterProperty clusterset.k8s.io)."),
  },
  { ...strict, description: "What was observed. Written by the controller alone." },
);

export const ClusterSchema = Type.Object(
  {
    apiVersion: Type.Literal(API_VERSION),
    kind: Type.Literal("Cluster"),
    metadata: ObjectMetaSchema,
    spec: Type.Object(
      {
        kubeconfig: text("File of a kubeconfig, from the folder of this file; for the command line. Default: the shared one."),
        context: text("Context of the kubeconfig. Default: the cluster's name; in a file of its own, the current one."),
        secretRef: Type.Optional(SecretRefSchema),
        region: text("Its region."),
        zone: text("Its zone."),
        provider: text("Who runs it."),
        network: text("Its network; clusters of one network reach each other's Pods."),
        unschedulable: Type.Boolean({ default: false, description: "Cordoned: nothing new is placed; what runs stays." }),
        taints: Type.Array(TaintSchema, { default: [], maxItems: 100, description: "What keeps workloads away." }),
      },
      { ...strict, default: {}, description: "What is known of it by declaration." },
    ),
    status: Type.Optional(ClusterStatusSchema),
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
    items: Type.Array(ClusterSchema, { maxItems: 10_000, description: "The members, each name once." }),
  },
  { ...strict, title: "ClusterList", description: "The members of a fleet." },
);
