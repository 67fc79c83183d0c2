/** How many replicas each cluster gets. */
import { type Static, Type } from "typebox";
import { strict } from "./common.ts";

const MAX_REPLICAS = 10_000_000;
const replicas = (description: string) => Type.Integer({ minimum: 0, maximum: MAX_REPLICAS, description });

const PreferenceSchema = Type.Object(
  {
    min: Type.Optional(replicas("At least so many, as long as total and capacity suffice.")),
    max: Type.Optional(replicas("Never more.")),
    weight: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1_000_000, description: "Share beside the others; 0: no more than min. Default 1." }),
    ),
  },
  { ...strict, description: "What one cluster should get." },
);
export type Preference = Static<typeof PreferenceSchema>;

const WhenSchema = Type.Object(
  {
    rebalance: Type.Enum(["steady", "converge"], {
      default: "steady",
      description: "steady: only what must change is moved. converge: step by step towards the ideal.",
    }),
    maxMove: Type.Optional(Type.Integer({ minimum: 1, description: "Replicas moved in one step, with converge. Default: all." })),
  },
  { ...strict, default: {}, description: "When running replicas are moved." },
);

export const ReplicasSchema = Type.Object(
  {
    total: replicas("Replicas over all clusters when divided; in each cluster when duplicated."),
    mode: Type.Enum(["duplicated", "divided"], { default: "divided", description: "The same number everywhere, or shared out." }),
    by: Type.Enum(["weight", "capacity", "aggregated"], {
      default: "weight",
      description: "weight: by the preferences. capacity: by free room. aggregated: in as few clusters as hold them.",
    }),
    preferences: Type.Record(Type.String(), PreferenceSchema, {
      default: {},
      description: "By cluster; `*` is for all others. A cluster without any gets none; no preferences at all: weight 1 each.",
    }),
    when: WhenSchema,
  },
  { ...strict, description: "Left out: the template's own replicas stay as they are in each cluster." },
);
export type Replicas = Static<typeof ReplicasSchema>;
