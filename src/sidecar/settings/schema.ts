/** The configuration of the sidecar: one schema for types, validation and the reference page. */
import { type Static, type TObject, Type } from "typebox";
import { DurationSchema } from "../../registry/settings.ts";
import type { WriterKind } from "../writer.ts";

const strict = { additionalProperties: false } as const;
export const NameSchema = Type.String({
  pattern: "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$",
  patternErrorMessage: "must be letters, digits, dots, dashes and underscores, at most 63",
});
const Template = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: 512,
    description: `${description} A template: {pod}, {namespace}, {uid}, {ip}, {node}, {label.KEY}, {annotation.KEY}, {env.NAME}.`,
  });
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
export const ListenSchema = Type.Optional(
  Type.String({
    default: "127.0.0.1:9920",
    description: "Address of /livez, /readyz, /metrics, /v1/registrations and /drain.",
  }),
);
const LabelKey = "^[A-Za-z0-9_.-]{1,64}$";

const HttpProbe = Type.Object(
  { port: Port, path: Type.Optional(Type.String({ pattern: "^/", default: "/" })), host: Type.Optional(Type.String()) },
  { ...strict, description: "Ready when GET answers 200 to 399, as with the kubelet." },
);
const ProbeSchema = Type.Union([
  Type.Object({ http: HttpProbe }, strict),
  Type.Object({ tcp: Type.Object({ port: Port }, strict) }, { ...strict, description: "Ready when it can be connected to." }),
  Type.Object(
    { grpc: Type.Object({ port: Port, service: Type.Optional(Type.String()) }, strict) },
    { ...strict, description: "Ready when grpc.health.v1 says SERVING." },
  ),
  Type.Object(
    { exec: Type.Object({ command: Type.Array(Type.String(), { minItems: 1 }) }, strict) },
    { ...strict, description: "Ready when the command ends with 0." },
  ),
]);
export type ProbeSettings = Static<typeof ProbeSchema>;

const ReadinessSchema = Type.Object(
  {
    probes: Type.Optional(
      Type.Array(ProbeSchema, {
        minItems: 1,
        maxItems: 16,
        description: "All of them must hold. Without any, the Pod's own status in the API counts, which takes `kubernetes`.",
      }),
    ),
    interval: Type.Optional({ ...DurationSchema, default: "1s", description: "Between two looks." }),
    timeout: Type.Optional({ ...DurationSchema, default: "1s", description: "How long one look may take." }),
    successThreshold: Type.Optional(Type.Integer({ minimum: 1, default: 1, description: "Successes in a row until ready." })),
    failureThreshold: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: 3,
        description: "Failures in a row until not ready; a sidecar that was restarted takes nothing out before.",
      }),
    ),
  },
  { ...strict, description: "How it is told whether the instance is ready." },
);
export type ReadinessSettings = Static<typeof ReadinessSchema>;

const ServiceSchema = Type.Object(
  {
    name: Template("Name that the instance is registered under."),
    port: { ...Port, description: "Port that clients dial." },
    ports: Type.Optional(
      Type.Record(Type.String({ pattern: "^[a-z0-9-]{1,32}$" }), Port, { description: "Further ports by name." }),
    ),
    address: Type.Optional(Template("What clients dial. Default: {ip}.")),
    protocol: Type.Optional(
      Type.String({ pattern: "^[a-z0-9]{1,16}$", description: "What is spoken: http, grpc, tcp, dubbo …" }),
    ),
    weight: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1, maximum: 65_535 }), Template("A whole number from 1.")], {
        description: "Default: 1.",
      }),
    ),
    zone: Type.Optional(Template("Zone.")),
    region: Type.Optional(Template("Region.")),
    tags: Type.Optional(Type.Array(Template("A tag."), { maxItems: 64 })),
    labels: Type.Optional(
      Type.Record(Type.String({ pattern: LabelKey }), Template("Its value."), {
        description: "Labels by key. One whose template has no value is left out.",
      }),
    ),
    targets: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: "Targets to register in. Default: all." })),
  },
  strict,
);
export type ServiceSettings = Static<typeof ServiceSchema>;

const PodSchema = Type.Object(
  {
    namespace: Type.Optional(Type.String({ minLength: 1, description: "Default: POD_NAMESPACE." })),
    name: Type.Optional(Type.String({ minLength: 1, description: "Default: POD_NAME." })),
    uid: Type.Optional(Type.String({ minLength: 1, description: "Default: POD_UID." })),
    ip: Type.Optional(Type.String({ minLength: 1, description: "Default: POD_IP." })),
  },
  { ...strict, description: "Which Pod this is, where the downward API does not say so." },
);

const KubernetesSchema = Type.Object(
  {
    kubeconfig: Type.Optional(Type.String({ minLength: 1, description: "File. Default: the Pod's own service account." })),
  },
  {
    ...strict,
    description:
      "With it, even empty, the Pod is followed in the API: its readiness where there are no probes, its deletion, and its readiness gate `meshbridge.io/registered`.",
  },
);

/** With the settings of every kind of target. */
export function sidecarSchema(kinds: readonly WriterKind[]) {
  const targets = kinds
    .filter((kind) => kind.clusterOnly !== true)
    .map((kind) =>
      Type.Object({ name: NameSchema, kind: Type.Literal(kind.kind), ...(kind.schema as TObject).properties }, strict),
    );
  return Type.Object(
    {
      scope: Type.Optional(Type.Literal("pod", { default: "pod", description: "One sidecar beside each workload." })),
      cluster: {
        ...NameSchema,
        description: "Cluster that the records are owned by: the same in all its sidecars, and in no other cluster.",
      },
      pod: Type.Optional(PodSchema),
      readiness: Type.Optional(ReadinessSchema),
      kubernetes: Type.Optional(KubernetesSchema),
      drain: Type.Optional({
        ...DurationSchema,
        default: "5s",
        description: "How long an instance stays, marked as not to be dialled any more, before it is removed.",
      }),
      services: Type.Array(ServiceSchema, { minItems: 1, maxItems: 64, description: "What this Pod is registered as." }),
      targets: Type.Array(Type.Union(targets), { minItems: 1, maxItems: 16, description: "Registries to register in." }),
      listen: ListenSchema,
    },
    strict,
  );
}
/** The file, with its defaults; targets hold what their kind takes besides. */
export type SidecarFile = Omit<Static<ReturnType<typeof sidecarSchema>>, "targets"> & {
  readonly targets: readonly ({ readonly name: string; readonly kind: string } & Readonly<Record<string, unknown>>)[];
};
