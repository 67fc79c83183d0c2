/**
 * A sidecar's virtual hosts, each encoded once. Ten thousand services have ten thousand of them, and when one service
 * comes only its own is new: what was encoded for the others is joined again, byte for byte what encoding the whole
 * would give. On demand each host name is a resource of its own instead.
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { RouteConfiguration } from "../../gen/envoy/config/route/v3/route.ts";
import { VirtualHost } from "../../gen/envoy/config/route/v3/route_components.ts";
import type { ServicePolicy } from "../../routing/policy.ts";
import { virtualHostName } from "../names.ts";
import { makeResource } from "../resource.ts";
import { type Resource, type ResourceRef, TYPE_URL } from "../types.ts";
import { type PolicyOf, targetsOf } from "./backends.ts";
import { encoded } from "./common.ts";
import { retryCases } from "./retries.ts";
import { clusterSpecifier } from "./routes.ts";
import type { PortHosts } from "./sidecar-hosts.ts";

interface Entry {
  readonly domains: readonly string[];
  readonly policy: ServicePolicy;
  readonly refs: readonly ResourceRef[];
  /** The VirtualHost of all its domains, encoded. */
  readonly part: Uint8Array | undefined;
  /** On demand: one resource for each of its domains. */
  readonly resources: readonly Resource[];
}

const NO_RESOURCES: readonly Resource[] = [];

/**
 * What was encoded, by the port's cluster: mostly one, and another one for sidecars of its own namespace, which call it by its
 * name alone. For sidecars that ask in one way.
 */
export type VirtualHostMemo = Map<string, readonly Entry[]>;

const MAX_ENTRIES = 4;

/** Field 2 of RouteConfiguration: its virtual hosts, length-delimited. */
const VIRTUAL_HOSTS = (2 << 3) | 2;

/** The whole route configuration: equal to encoding a RouteConfiguration of all of them at once. */
export function wholeRoutes(name: string, hosts: readonly PortHosts[], policyOf: PolicyOf, memo: VirtualHostMemo): Resource {
  const writer = new BinaryWriter();
  writer.raw(encoded(RouteConfiguration, RouteConfiguration.fromPartial({ name })));
  const refs = new Map<string, ResourceRef>();
  for (const entry of entriesOf(hosts, policyOf, memo, encodeWhole)) {
    if (entry.part !== undefined) writer.uint32(VIRTUAL_HOSTS).bytes(entry.part);
    for (const ref of entry.refs) refs.set(ref.name, ref);
  }
  return makeResource(TYPE_URL.route, name, writer.finish(), [...refs.values()]);
}

/**
 * One resource for every way to write a host, called as Envoy asks for it: `<route configuration>/<host>` (Envoy's
 * "Virtual Host Discovery Service"). The virtual host has the resource's name, by which Envoy removes it again.
 */
export function hostResources(hosts: readonly PortHosts[], policyOf: PolicyOf, memo: VirtualHostMemo): readonly Resource[] {
  return entriesOf(hosts, policyOf, memo, encodeEach).flatMap(({ resources }) => resources);
}

type Encode = (hosts: PortHosts, policy: ServicePolicy) => Entry;

/** Encodes what is new or changed, and forgets what is gone. */
function entriesOf(hosts: readonly PortHosts[], policyOf: PolicyOf, memo: VirtualHostMemo, encode: Encode): readonly Entry[] {
  const entries = hosts.map((one) => {
    const policy = policyOf(one.service);
    const made = memo.get(one.cluster) ?? [];
    const known = made.find((entry) => entry.policy === policy && isSame(entry.domains, one.domains));
    if (known !== undefined) return known;
    const entry = encode(one, policy);
    const current = made.filter((other) => other.policy === policy);
    memo.set(one.cluster, [entry].concat(current.slice(0, MAX_ENTRIES - 1)));
    return entry;
  });
  if (memo.size > hosts.length) {
    const kept = new Set(hosts.map(({ cluster }) => cluster));
    for (const cluster of memo.keys()) if (!kept.has(cluster)) memo.delete(cluster);
  }
  return entries;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

function encodeWhole(hosts: PortHosts, policy: ServicePolicy): Entry {
  const part = encoded(VirtualHost, virtualHost(hosts.cluster, hosts.domains, hosts, policy));
  return { domains: hosts.domains, policy, refs: refsOf(hosts, policy), part, resources: NO_RESOURCES };
}

function encodeEach(hosts: PortHosts, policy: ServicePolicy): Entry {
  const refs = refsOf(hosts, policy);
  const resources = hosts.domains.map((domain) => {
    const name = virtualHostName(domain);
    const body = encoded(VirtualHost, virtualHost(name, [domain], hosts, policy));
    return makeResource(TYPE_URL.virtualHost, name, body, refs);
  });
  return { domains: hosts.domains, policy, refs, part: undefined, resources };
}

function refsOf({ service, port }: PortHosts, policy: ServicePolicy): readonly ResourceRef[] {
  return targetsOf(service, port, policy).map(({ cluster }) => ({ typeUrl: TYPE_URL.cluster, name: cluster }));
}

function virtualHost(name: string, domains: readonly string[], { service, port }: PortHosts, policy: ServicePolicy): VirtualHost {
  const specifier = clusterSpecifier(targetsOf(service, port, policy));
  const routes = retryCases(policy.retries).map(({ headers, retryPolicy }) => ({
    match: { pathSpecifier: { $case: "prefix" as const, value: "/" }, headers: [...headers] },
    action: { $case: "route" as const, value: { clusterSpecifier: specifier, ...(retryPolicy && { retryPolicy }) } },
  }));
  return VirtualHost.fromPartial({ name, domains: [...domains], routes });
}
