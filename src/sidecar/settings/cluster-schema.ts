/** The configuration of the cluster scope: which registries are read, which are written to, and what is mirrored between them. */
import { type Static, type TObject, Type } from "typebox";
import type { Adapter } from "../../registry/adapter.ts";
import { DurationSchema, REGISTRY_SETTINGS } from "../../registry/settings.ts";
import type { WriterKind } from "../writer.ts";
import { ListenSchema, NameSchema } from "./schema.ts";

const strict = { additionalProperties: false } as const;
const { namespace, addresses, holdFor } = REGISTRY_SETTINGS;

const MirrorSchema = Type.Object(
  {
    from: Type.String({ minLength: 1, description: "Name of a source." }),
    to: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 16, description: "Names of targets." }),
    services: Type.Optional(
      Type.Array(
        Type.String({ pattern: "^[^/]+/[^/]+$", patternErrorMessage: "must be NAMESPACE/NAME, where * stands for any text" }),
        {
          minItems: 1,
          maxItems: 256,
          default: ["*/*"],
          description: "Which services, as namespace/name; `*` stands for any text. Default: all.",
        },
      ),
    ),
    name: Type.Optional(
      Type.String({
        pattern: "^(?:[A-Za-z0-9._-]|\\{name\\}|\\{namespace\\})+$",
        patternErrorMessage: "must be letters, digits, dots, dashes, underscores, {name} and {namespace}",
        default: "{name}",
        description: "What they are called in the targets. `{name}` and `{namespace}` are those of the service.",
      }),
    ),
    port: Type.Optional(
      Type.String({ minLength: 1, description: "Port, by name, that is registered. Default: the first; others go beside it." }),
    ),
    imports: Type.Optional(
      Type.Enum(["skip", "forward"], {
        default: "skip",
        description:
          "What another sync has brought to the source. `forward` carries it on, never to where it has been, and through three places at most.",
      }),
    ),
  },
  { ...strict, description: "Services of a source that targets are to hold." },
);
export type MirrorSettings = Static<typeof MirrorSchema>;

/** With the settings of every kind of source, target and election. */
export function clusterSchema(adapters: readonly Adapter[], kinds: readonly WriterKind[]) {
  const kindOf = (kind: string) => ({ kind: Type.Literal(kind) });
  const common = {
    ...{ namespace, addresses, holdFor },
    protection: Type.Optional(
      Type.Boolean({
        default: true,
        description: "Hold what leaves all at once for `holdFor`, although the source's answer is proof.",
      }),
    ),
  };
  const sources = adapters.map((one) =>
    Type.Object({ ...common, ...one.schema.properties, name: NameSchema, ...kindOf(one.kind) }, strict),
  );
  const targets = kinds.map((one) =>
    Type.Object({ ...(one.schema as TObject).properties, name: NameSchema, ...kindOf(one.kind) }, strict),
  );
  const elections = kinds.flatMap((one) =>
    one.elect === undefined
      ? []
      : [Type.Object({ ...(Type.Partial(one.schema) as TObject).properties, ...kindOf(one.kind) }, strict)],
  );
  return Type.Object(
    {
      scope: Type.Literal("cluster", { description: "One sync for a cluster, instead of one beside each workload." }),
      cluster: {
        ...NameSchema,
        description: "Cluster that the records are owned by: the same in all replicas, and in no other cluster.",
      },
      sync: Type.Optional({
        ...NameSchema,
        default: "sync",
        description: "Which sync, when a cluster has several. Part of the owner's name.",
      }),
      election: Type.Union(elections, {
        description: "Where replicas elect the one that acts: a Lease, a Consul lock, or an ephemeral node in ZooKeeper.",
      }),
      handover: Type.Optional({
        ...DurationSchema,
        default: "5s",
        description: "How long a replica that acts no more keeps its leases, so that the next one takes the records over.",
      }),
      sources: Type.Array(Type.Union(sources), {
        minItems: 1,
        maxItems: 16,
        description:
          "Registries that are read. A name is also the place in chains of origins: the same for the same registry in all syncs, and as a target.",
      }),
      targets: Type.Array(Type.Union(targets), { minItems: 1, maxItems: 16, description: "Registries that are written to." }),
      mirrors: Type.Array(MirrorSchema, { minItems: 1, maxItems: 64, description: "What is mirrored from where to where." }),
      listen: ListenSchema,
    },
    strict,
  );
}

interface Entry extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly kind: string;
}

/** The file, with its defaults; sources, targets and the election hold what their kind takes besides. */
export type ClusterFile = Omit<Static<ReturnType<typeof clusterSchema>>, "sources" | "targets" | "election"> & {
  readonly sources: readonly (Entry & {
    readonly namespace?: string;
    readonly addresses?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
    readonly holdFor?: string;
    readonly protection?: boolean;
  })[];
  readonly targets: readonly Entry[];
  readonly election: Readonly<Record<string, unknown>> & { readonly kind: string };
};
