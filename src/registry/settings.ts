/** Settings that every registry takes, whatever its kind. */
import { type Static, Type } from "typebox";

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
  pattern: "^\\d+(ms|s|m|h)$",
  patternErrorMessage: "must be a duration such as 500ms, 30s, 5m or 1h",
  title: "duration",
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

export const REGISTRY_SETTINGS = {
  namespace: Type.Optional(Type.String({ description: "Where its services land when it has no namespaces. Default: default." })),
  cluster: Type.Optional(Type.String({ description: "Cluster its instances run in. Default: mesh.cluster." })),
  network: Type.Optional(Type.String({ description: "Network its instances are on. Default: mesh.network." })),
  locality: Type.Optional(LocalitySchema),
  addresses: Type.Optional(AddressRulesSchema),
  holdFor: Type.Optional(
    Type.String({
      pattern: "^\\d+(ms|s|m|h)$",
      patternErrorMessage: "must be a duration such as 500ms, 30s, 5m or 1h",
      title: "duration",
      description:
        "How long authoritative answers must stand before instances that only suspect evidence removed go. Default: 2m.",
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
}
