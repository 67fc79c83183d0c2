/**
 * The configuration file's schema, the one source of its types, its validation, its defaults, the JSON Schema for
 * editors and the reference page. What has a default is always there once defaults are filled in (`ConfigFile`), and
 * may be left out in the file (`inputSchema`).
 */
import { type Static, type TObject, type TSchema, Type } from "typebox";
import type { Adapter } from "../registry/adapter.ts";
import { REGISTRY_SETTINGS } from "../registry/settings.ts";
import { name, strict } from "./schema/common.ts";
import { DnsSchema } from "./schema/dns.ts";
import { GatewaySchema } from "./schema/gateways.ts";
import { LinksSchema } from "./schema/links.ts";
import { AdminSchema, LogSchema, MeshSchema, SidecarSchema, StateSchema, XdsSchema } from "./schema/mesh.ts";
import { MtlsSchema } from "./schema/mtls.ts";
import { ExportSchema, NetworkSchema } from "./schema/networks.ts";
import { SecretSchema } from "./schema/secrets.ts";
import { ServicePolicySchema } from "./schema/services.ts";

const SECTIONS = {
  mesh: MeshSchema,
  xds: XdsSchema,
  admin: AdminSchema,
  log: LogSchema,
  state: StateSchema,
  gateways: Type.Array(GatewaySchema, { default: [], description: "Edge gateways." }),
  networks: Type.Array(NetworkSchema, { default: [], description: "Networks, and how one reaches another." }),
  exports: Type.Optional(
    Type.Array(ExportSchema, {
      description:
        "What may leave the cluster it runs in. Default: everything within its network, nothing beyond. Once written, nothing leaves its cluster without a rule.",
    }),
  ),
  mtls: Type.Optional(MtlsSchema),
  services: Type.Array(ServicePolicySchema, { default: [], description: "Traffic policy by service; the first match counts." }),
  sidecar: SidecarSchema,
  secrets: Type.Array(SecretSchema, { default: [], description: "Certificates that proxies get over xDS (SDS)." }),
  links: LinksSchema,
  dns: Type.Optional(DnsSchema),
} as const;

const RegistryCommon = Type.Object({ kind: Type.String(), name: Type.String(), ...REGISTRY_SETTINGS });
/** What every registry has, whatever its kind; its own settings stand beside these. */
export type RegistryEntry = Static<typeof RegistryCommon> & Readonly<Record<string, unknown>>;

/** The file with every default filled in. */
export type ConfigFile = Static<TObject<typeof SECTIONS>> & { readonly registries: readonly RegistryEntry[] };

/** The schema of one registry entry of this kind. Throws when the adapter takes a key that every registry has. */
export function registrySchema(adapter: Adapter): TObject {
  const own = adapter.schema.properties;
  const taken = Object.keys(own).find((key) => key === "kind" || key === "name" || Object.hasOwn(REGISTRY_SETTINGS, key));
  if (taken !== undefined) throw new TypeError(`adapter ${adapter.kind}: its setting "${taken}" is one that every registry has`);
  return Type.Object(
    {
      kind: Type.Literal(adapter.kind, { description: adapter.description }),
      name: name("Unique; part of every source it gives."),
      ...own,
      ...REGISTRY_SETTINGS,
    },
    { ...strict, title: `${adapter.kind} registry`, description: adapter.description },
  );
}

/** The whole file, for these kinds of registry. */
export function configSchema(adapters: readonly Adapter[]): TObject {
  const registries = Type.Array(Type.Union(adapters.map(registrySchema)), {
    default: [],
    description: "Where services come from. Their order counts where two of them name the same service.",
  });
  const { mesh, xds, admin, log, state, ...others } = SECTIONS;
  return Type.Object({ mesh, xds, admin, log, state, registries, ...others }, strict);
}

/** The same schema for what people write: whatever has a default may be left out. Plain JSON Schema. */
export function inputSchema(schema: TSchema): TSchema {
  return relax(structuredClone(schema)) as TSchema;
}

interface Relaxable {
  required?: readonly string[];
  properties?: Record<string, Relaxable>;
  default?: unknown;
}

function relax(node: unknown): unknown {
  if (typeof node !== "object" || node === null) return node;
  for (const child of Object.values(node)) relax(child);
  const { properties, required } = node as Relaxable;
  if (properties !== undefined && Array.isArray(required)) {
    const needed = required.filter((key: string) => properties[key]?.default === undefined);
    if (needed.length > 0) (node as Relaxable).required = needed;
    else delete (node as Relaxable).required;
  }
  return node;
}
