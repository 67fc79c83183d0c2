/** The FederatedWorkload: the one source of its types, validation, defaults, CRD and reference page. */
import { type Static, Type } from "typebox";
import { API_VERSION, kubeName, ObjectMetaSchema, openMap, strict } from "./common.ts";
import { CustomKindSchema } from "./interpret.ts";
import { OverrideSchema } from "./overrides.ts";
import { PlacementSchema } from "./placement.ts";
import { ReplicasSchema } from "./replicas.ts";
import { RolloutSchema } from "./rollout.ts";
import { StatusSchema } from "./status.ts";

const HelmSchema = Type.Object(
  {
    chart: Type.String({ minLength: 1, description: "A chart's folder, archive or reference." }),
    version: Type.Optional(Type.String({ minLength: 1, description: "The chart's version." })),
    release: Type.Optional(kubeName("Name of the release. Default: that of this object.")),
    values: Type.Optional(openMap("Values of the chart.")),
  },
  { ...strict, description: "A chart, rendered by `helm template` where that is installed." },
);

const TemplateSchema = Type.Object(
  {
    manifests: Type.Optional(Type.Array(openMap("A native Kubernetes object."), { maxItems: 1000, description: "Inline." })),
    files: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: "Files of manifests." })),
    kustomize: Type.Optional(Type.String({ minLength: 1, description: "A folder, rendered by `kubectl kustomize`." })),
    helm: Type.Optional(HelmSchema),
  },
  { ...strict, description: "What is deployed: exactly one of manifests, files, kustomize and helm." },
);
export type Template = Static<typeof TemplateSchema>;

const IgnoreSchema = Type.Object(
  {
    kind: Type.Optional(Type.String({ minLength: 1, description: "Only in objects of this kind." })),
    path: Type.String({
      pattern: "^/([^~]|~[01])*$",
      patternErrorMessage: "must be a JSON pointer such as /spec/replicas",
      title: "JSON pointer",
      description: "What is left alone once the object exists; all below it as well.",
    }),
  },
  { ...strict, description: "A field that belongs to somebody else, such as an autoscaler." },
);

const PolicySchema = Type.Object(
  {
    whenAlreadyExists: Type.Enum(["TakeOver", "TakeOverIfNoDiff", "Fail"], {
      default: "TakeOverIfNoDiff",
      description: "An object of this name is there and is not ours.",
    }),
    whenDrifted: Type.Enum(["Correct", "Report", "Ignore"], {
      default: "Correct",
      description: "Somebody changed a field that is ours.",
    }),
    whenDeleted: Type.Enum(["CleanUp", "Orphan"], {
      default: "CleanUp",
      description: "What becomes of objects that are no longer wanted in a cluster.",
    }),
    ignoreFields: Type.Array(IgnoreSchema, { default: [], maxItems: 100, description: "Fields that are never ours." }),
    dependencies: Type.Enum(["Follow", "Ignore"], {
      default: "Ignore",
      description: "Follow: ConfigMaps, Secrets, ServiceAccounts and claims that the workload names go with it.",
    }),
  },
  { ...strict, default: {}, description: "What happens to objects that exist, drift or leave." },
);
export type Policy = Static<typeof PolicySchema>;

const WorkloadSpecSchema = Type.Object(
  {
    template: TemplateSchema,
    placement: PlacementSchema,
    overrides: Type.Array(OverrideSchema, { default: [], maxItems: 1000, description: "What differs from cluster to cluster." }),
    replicas: Type.Optional(ReplicasSchema),
    interpret: Type.Array(CustomKindSchema, {
      default: [],
      maxItems: 100,
      description: "How custom kinds of the template are read, each once; they win over what is known by itself.",
    }),
    rollout: RolloutSchema,
    policy: PolicySchema,
  },
  { ...strict, description: "What is wanted." },
);
export type WorkloadSpec = Static<typeof WorkloadSpecSchema>;

export const FederatedWorkloadSchema = Type.Object(
  {
    apiVersion: Type.Literal(API_VERSION),
    kind: Type.Literal("FederatedWorkload"),
    metadata: ObjectMetaSchema,
    spec: WorkloadSpecSchema,
    status: Type.Optional(StatusSchema),
  },
  { ...strict, title: "FederatedWorkload", description: "A workload over many clusters." },
);
/** With every default filled in. */
export type FederatedWorkload = Static<typeof FederatedWorkloadSchema>;
