/**
 * One golden input: a configuration, services by registry in the form of the file registry, and the client that asks.
 * `config` is a configuration file without registries; `naming` are the templates
 * of registries, `held` names instances (by id) that are held.
 */

import { parse, stringify } from "yaml";
import { file } from "../../adapters/file/index.ts";
import { readRecord } from "../../adapters/file/record.ts";
import { createCatalogStore } from "../../src/catalog/store.ts";
import { parseConfig } from "../../src/config/load.ts";
import type { Group } from "../../src/model/group.ts";
import { locality } from "../../src/model/locality.ts";
import { sourceName } from "../../src/model/source.ts";
import { AS_THEY_ARE, type Naming, nameGroup } from "../../src/registry/naming.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import type { Client } from "../../src/routing/client.ts";
import { createDerivation } from "../../src/routing/derivation.ts";
import { topologyOf } from "../../src/routing/gateway-table.ts";
import { resourceJson } from "../../src/xds/dump.ts";
import type { SecretSource } from "../../src/xds/secret-source.ts";
import { secretResources } from "../../src/xds/translate/secrets.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import { createView, type View } from "../../src/xds/view.ts";
import { createViewInputs } from "../../src/xds/view-inputs.ts";
import { selfSigned } from "../support/certificate.ts";

interface Input {
  readonly config?: object;
  readonly registries?: Readonly<Record<string, readonly object[]>>;
  /** A registry's name templates. */
  readonly naming?: Readonly<Record<string, Partial<Naming>>>;
  readonly held?: readonly string[];
  /** Server names that connections have asked a gateway between networks for. */
  readonly demand?: readonly string[];
  readonly client?: Partial<Omit<Client, "locality">> & { readonly locality?: Partial<Client["locality"]> };
}

export interface World {
  readonly client: Client;
  readonly view: View;
}

const settings = registrySettings({ trusted: true, holdForMs: 0 });

export function readWorld(text: string, name: string): World {
  const input = parse(text) as Input;
  const registries = Object.keys(input.registries ?? {});
  const config = {
    ...input.config,
    registries: registries.map((registry) => ({ kind: "file", name: registry, path: "unread.yaml" })),
  };
  const { mesh, traffic, secrets } = parseConfig(stringify(config), {
    path: `${name}.yaml`,
    adapters: [file],
    env: {},
    flags: new Map(),
  });
  const catalog = createCatalogStore({ registries, ruleOf: (service) => traffic.policyOf(service).merge });
  for (const [registry, services] of Object.entries(input.registries ?? {})) {
    for (const record of services) {
      const group = nameGroup(groupOf(registry, record, new Set(input.held)), { ...AS_THEY_ARE, ...input.naming?.[registry] });
      catalog.apply(new Map([[sourceName(group.source), group]]));
    }
  }
  const client: Client = {
    role: "gateway",
    gateway: "edge",
    cluster: mesh.cluster,
    network: mesh.network,
    namespace: "default",
    inbound: undefined,
    ...input.client,
    locality: locality(input.client?.locality),
  };
  const registered = catalog.snapshot().services;
  const derivation = createDerivation(traffic);
  const { services } = derivation.follow(registered, registered.keys());
  // Nothing is resolved here: a gateway's host is its address.
  const topology = topologyOf(traffic, (host) => host, services);
  const inputs = createViewInputs({ ...traffic, topology, policyOf: derivation.policyOf }, services);
  const view = createView(client, inputs, secretsOf(secrets));
  for (const name of input.demand ?? []) view.tables.table(TYPE_URL.cluster).get(name);
  return { client, view };
}

/** Every secret of the configuration with a content made on the spot: what it is shows nowhere. */
function secretsOf(secrets: readonly { readonly name: string }[]): SecretSource {
  const resources = secrets.flatMap(({ name }) => {
    const { cert, key } = selfSigned("golden.test");
    const identity = { certificateChain: Buffer.from(cert), privateKey: Buffer.from(key) };
    return secretResources(name, { identity, ca: Buffer.from(cert) });
  });
  return { get: (name) => resources.find((one) => one.name === name), allowed: () => [] };
}

function groupOf(registry: string, record: object, held: ReadonlySet<string>): Group {
  const { service, problems } = readRecord(record, () => ({ line: 0, column: 0 }), settings);
  if (service === undefined) throw new Error(`bad golden input: ${problems.map(({ message }) => message).join("; ")}`);
  const instances = service.instances.map((one) =>
    held.has(one.id) ? { ...one, hold: { reason: "index-went-back" as const, since: 0 } } : one,
  );
  const { key, ports, labels } = service;
  return { source: { registry, scope: `${key.namespace}/${key.name}` }, service: key, ports, labels, instances };
}

const OUTPUTS = {
  clusters: TYPE_URL.cluster,
  endpoints: TYPE_URL.endpoint,
  listeners: TYPE_URL.listener,
  routes: TYPE_URL.route,
  virtualHosts: TYPE_URL.virtualHost,
  extensions: TYPE_URL.extension,
} as const;

/** The outputs by name (`clusters`, …, `conditions`) as YAML; what is empty is left out. */
export function renderWorld({ view }: World): ReadonlyMap<string, string> {
  const outputs = new Map<string, string>();
  for (const [name, typeUrl] of Object.entries(OUTPUTS)) {
    const resources = [...view.tables.table(typeUrl).all()].sort((a, b) => (a.name < b.name ? -1 : 1));
    if (resources.length > 0)
      outputs.set(name, stringify(resources.map(resourceJson), { lineWidth: 0, aliasDuplicateObjects: false }));
  }
  if (view.conditions.length > 0) outputs.set("conditions", stringify(view.conditions, { lineWidth: 0 }));
  return outputs;
}
