/** Where a workload goes. */
import { type Static, Type } from "typebox";
import { kubeName, SelectorSchema, strict } from "./common.ts";

const names = (description: string) => Type.Array(kubeName("A cluster."), { maxItems: 10_000, description });

const TolerationSchema = Type.Object(
  {
    key: Type.Optional(Type.String({ description: "The taint's key; left out with Exists, every taint is meant." })),
    operator: Type.Optional(
      Type.Enum(["Equal", "Exists"], { description: "Equal (default): the value must be equal. Exists: any value." }),
    ),
    value: Type.Optional(Type.String({ description: "The taint's value, with Equal." })),
    effect: Type.Optional(
      Type.Enum(["NoSchedule", "NoExecute"], { description: "The effect that is tolerated; left out, both." }),
    ),
    tolerationSeconds: Type.Optional(
      Type.Integer({ minimum: 0, description: "How long NoExecute is endured; left out, for ever." }),
    ),
  },
  { ...strict, description: "A taint that does not keep this workload away." },
);
export type Toleration = Static<typeof TolerationSchema>;

const SpreadSchema = Type.Object(
  {
    by: Type.String({ minLength: 1, description: "region, zone, provider, cluster, or the key of a cluster label." }),
    minGroups: Type.Integer({ minimum: 1, default: 1, description: "Fewer groups than this: nothing new is placed." }),
    maxGroups: Type.Optional(Type.Integer({ minimum: 1, description: "At most so many groups are used." })),
  },
  { ...strict, description: "Over how many regions, zones or other groups of clusters it is spread." },
);
export type Spread = Static<typeof SpreadSchema>;

const GroupSchema = Type.Object(
  {
    name: kubeName("Told in reasons."),
    clusters: Type.Optional(names("These clusters; they win over the selector.")),
    clusterSelector: Type.Optional(SelectorSchema),
  },
  { ...strict, description: "One choice of clusters." },
);
export type PlacementGroup = Static<typeof GroupSchema>;

export const PlacementSchema = Type.Object(
  {
    clusters: Type.Optional(names("These clusters, whatever the selector says; an empty list places nowhere.")),
    clusterSelector: Type.Optional(SelectorSchema),
    groups: Type.Array(GroupSchema, {
      default: [],
      maxItems: 100,
      description: "Ordered choices: the next group is taken only when the one before cannot hold the workload.",
    }),
    tolerations: Type.Array(TolerationSchema, { default: [], maxItems: 100, description: "Taints that are endured." }),
    spread: Type.Optional(SpreadSchema),
  },
  { ...strict, default: {}, description: "Where it goes. With neither names, selector nor groups it goes nowhere." },
);
export type Placement = Static<typeof PlacementSchema>;
