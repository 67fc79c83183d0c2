/** Settings that every registry takes, whatever its kind. */
import { type Static, Type } from "typebox";
import { DURATION_FORM } from "../kernel/duration.ts";
import { type Naming, TEMPLATE_PATTERN } from "./naming.ts";

export const LocalitySchema = Type.Object(
  {
    region: Type.Optional(Type.String({ description: "Region, e.g. eu-west-1." })),
    zone: Type.Optional(Type.String({ description: "Zone within the region." })),
    subZone: Type.Optional(Type.String({ description: "Rack or similar within the zone." })),
  },
  { additionalProperties: false, description: "Where something runs, in Envoy's words." },
);

const AddressRulesSchema = Type.Object(
  {
    allow: Type.Optional(Type.Array(Type.String(), { description: "CIDRs to let through." })),
    deny: Type.Optional(Type.Array(Type.String(), { description: "CIDRs to drop." })),
  },
  {
    additionalProperties: false,
    description:
      "Which instance addresses are believed. The longest matching prefix decides. Loopback, link-local, unspecified and multicast addresses are denied unless allowed here; the file registry is trusted.",
  },
);

/** Duration text such as `500ms`, `30s`, `5m`, `1h`. */
export const DurationSchema = Type.String({
  ...DURATION_FORM,
  description: "A duration: 500ms, 30s, 5m, 1h.",
});

/** A secret is named, never written: by environment variable or by file, read anew at each use. */
export const SecretRefSchema = Type.Union(
  [
    Type.Object({ fromEnv: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
    Type.Object({ fromFile: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
  ],
  { description: "Where the secret is: {fromEnv: NAME} or {fromFile: PATH}. Never the secret itself." },
);
export type SecretRef = Static<typeof SecretRefSchema>;

const ProtectionSchema = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ description: "Default: true, but for the file registry, which its operator writes." })),
    share: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        description: "Percent of the registry's instances that may leave within the window. Default: 15.",
      }),
    ),
    count: Type.Optional(
      Type.Integer({ minimum: 0, description: "So many may leave within the window whatever share they are. Default: 3." }),
    ),
    service: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "A service that had so many instances may not lose them all within the window. Default: 3.",
      }),
    ),
    window: Type.Optional({ ...DurationSchema, description: "Default: 30s." }),
  },
  {
    additionalProperties: false,
    description:
      "Removal protection: what leaves all at once is held and served as DEGRADED for `holdFor`, although the registry's answer is proof.",
  },
);

const StalenessSchema = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ description: "Default: true." })),
    degradeAfter: Type.Optional({
      ...DurationSchema,
      description: "After so long its instances are served as DEGRADED. Default: 1h.",
    }),
    lastAfter: Type.Optional({ ...DurationSchema, description: "After so long they are in the last priority. Default: 24h." }),
    removeAfter: Type.Optional({ ...DurationSchema, description: "After so long they leave. Default: 168h." }),
  },
  {
    additionalProperties: false,
    description: "What becomes of the instances of a registry that cannot be read for long.",
  },
);

const template = (description: string) =>
  Type.String({
    pattern: TEMPLATE_PATTERN,
    patternErrorMessage:
      "must be letters, digits, dot, dash, underscore, {name}, {namespace}, {registry}, {path}, {datacenter}, {cluster} and {label.KEY}",
    maxLength: 253,
    title: "template",
    description,
  });

export const REGISTRY_SETTINGS = {
  serviceName: Type.Optional(
    template(
      "How its services are called here: `{name}` as the registry calls it, `{namespace}`, `{registry}` the registry's own name, `{label.KEY}` one of the service's labels; `{path}` (zookeeper: the root), `{datacenter}` (consul), `{cluster}` (kubernetes). A separator beside something empty goes with it. Default: `{name}`.",
    ),
  ),
  serviceNamespace: Type.Optional(template("In which namespace they are here, said likewise. Default: `{namespace}`.")),
  hostNames: Type.Optional(
    Type.Array(template("Such as `{name}.service.consul`."), {
      maxItems: 8,
      description:
        "Further host names of its services, for sidecars and the DNS responder, besides `<service>.<namespace>.<mesh.domain>`. `{name}` and `{namespace}` are those they have here.",
    }),
  ),
  namespace: Type.Optional(Type.String({ description: "Where its services land when it has no namespaces. Default: default." })),
  cluster: Type.Optional(Type.String({ description: "Cluster its instances run in. Default: mesh.cluster." })),
  network: Type.Optional(Type.String({ description: "Network its instances are on. Default: mesh.network." })),
  locality: Type.Optional(LocalitySchema),
  addresses: Type.Optional(AddressRulesSchema),
  holdFor: Type.Optional(
    Type.String({
      ...DURATION_FORM,
      description: "How long authoritative answers must stand before held instances go. Default: 2m.",
    }),
  ),
  protection: Type.Optional(ProtectionSchema),
  staleness: Type.Optional(StalenessSchema),
  required: Type.Optional(
    Type.Boolean({
      description:
        "False: the bridge does not wait for it at the start. Default: true (wait, for `xds.syncTimeout` at most), but for links to other bridges.",
    }),
  ),
} as const;

/** The resolved form of the above: every default filled in. */
export interface RegistrySettings {
  readonly namespace: string;
  readonly cluster: string;
  readonly network: string;
  readonly locality: Static<typeof LocalitySchema>;
  readonly addresses: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  /** True for registries the operator writes by hand: forbidden address ranges are then not dropped. */
  readonly trusted: boolean;
  /** Milliseconds. */
  readonly holdForMs: number;
  /** Undefined: what the registry no longer names with proof goes at once, however much it is. */
  readonly protection: ProtectionLimits | undefined;
  /** Undefined: what a registry said last stands for ever while it cannot be read. */
  readonly staleness: StalenessLimits | undefined;
  /** True: the first answers to clients wait for it, within `xds.syncTimeout`. */
  readonly required: boolean;
  /** How its services are called here. */
  readonly naming: Naming;
}

/** When too many leave at once. */
export interface ProtectionLimits {
  /** Of the registry's instances, 0 to 1. */
  readonly share: number;
  readonly count: number;
  readonly service: number;
  readonly windowMs: number;
}

/** Ages in ms since the registry could last be read, each larger than the one before. */
export interface StalenessLimits {
  readonly degradeAfterMs: number;
  readonly lastAfterMs: number;
  readonly removeAfterMs: number;
}

/** What counts where the configuration is silent. */
export const DEFAULT_PROTECTION: ProtectionLimits = { share: 0.15, count: 3, service: 3, windowMs: 30_000 };
export const DEFAULT_STALENESS: StalenessLimits = {
  degradeAfterMs: 3_600_000,
  lastAfterMs: 86_400_000,
  removeAfterMs: 604_800_000,
};
