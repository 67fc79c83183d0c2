/**
 * Dubbo 3, application level: an instance of an application is a Curator record with `dubbo.endpoints`; what it offers is
 * in `<metadata>/<app>/<revision>` where it is stored remotely (apache/dubbo `ZookeeperServiceDiscovery`,
 * `ServiceInstanceMetadataUtils`, `MetadataInfo`). An application is a service, and so is each interface of known metadata.
 *
 * A provider that registers at both levels is an instance of the interface twice, with one address: clients get it once.
 * With metadata stored locally only a call to the provider tells its interfaces: the application alone is published then.
 */
import type { Rejection } from "../../../src/registry/adapter.ts";
import { metadataOf, readCurator } from "./curator.ts";
import { protocolOf, serviceLabels, serviceScope } from "./dubbo-labels.ts";
import { cut, decoded, type Mapping, mapping, parseJson, port, text } from "./records.ts";
import type { ReadInstance, ReadService, ZnodeView } from "./types.ts";

const ENDPOINTS = "dubbo.endpoints";
const REVISION = "dubbo.metadata.revision";
const STORAGE = "dubbo.metadata.storage-type";
/** Interfaces of one revision that are read: a bound on what one record can cost. */
const MAX_INTERFACES = 2000;

/** True for a record that a Dubbo application wrote, and not Spring Cloud. */
export function isDubboInstance(record: Mapping): boolean {
  const type = text(mapping(record["payload"])["@class"]) ?? "";
  return metadataOf(record)[ENDPOINTS] !== undefined || type.startsWith("org.apache.dubbo.");
}

/** One instance of the application, read. */
interface AppInstance {
  readonly id: string;
  readonly host: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly revision: string | undefined;
  readonly remote: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The application by the instances whose nodes are called `ids`, then its interfaces. `metadataRoot`: where revisions are,
 * e.g. `/dubbo/metadata`; what is not among the registry's paths is not there.
 */
export function readDubboApp(
  path: string,
  ids: readonly string[],
  view: ZnodeView,
  metadataRoot: string,
): readonly [ReadService, ...ReadService[]] {
  const unit = path.slice(path.lastIndexOf("/") + 1);
  const app = decoded(unit);
  const rejected: Rejection[] = [];
  const instances: AppInstance[] = [];
  for (const id of [...ids].sort()) {
    const record = readCurator(view.data(`${path}/${id}`));
    const read = record === undefined ? { reason: "its data is no Dubbo instance" } : readInstance(id, record);
    if ("reason" in read) rejected.push({ record: cut(`${app}/${id}`), reason: read.reason });
    else instances.push(read);
  }
  const whole: ReadService = {
    ...serviceOf(
      app,
      instances.map((one) => toInstance(one, one.ports)),
    ),
    scope: unit,
    labels: { "dubbo.application": app },
    rejected,
  };
  return [whole, ...interfacesOf(unit, instances, (revision) => view.data(`${metadataRoot}/${app}/${revision}`))];
}

function readInstance(id: string, record: Mapping): AppInstance | { readonly reason: string } {
  if (record["enabled"] === false) return { reason: "it is switched off (enabled: false)" };
  const host = text(record["address"]);
  if (host === undefined) return { reason: "it has no address" };
  const metadata = metadataOf(record);
  const ports = endpointsOf(metadata[ENDPOINTS]);
  const own = port(record["port"]);
  if (Object.keys(ports).length === 0 && own === undefined)
    return { reason: "it has no endpoint with a port between 1 and 65535" };
  const said = text(metadata[REVISION]);
  // It is the name of a node: with a slash it would name another one.
  const revision = said?.includes("/") ? undefined : said;
  const remote = text(metadata[STORAGE]) === "remote";
  const labels = {
    ...(revision !== undefined && { "dubbo.revision": revision }),
    "dubbo.metadata": remote ? "remote" : "local",
  };
  return { id, host, ports: Object.keys(ports).length === 0 ? { dubbo: own ?? 0 } : ports, revision, remote, labels };
}

/** JSON within JSON: `[{"port":20880,"protocol":"dubbo"}]`. */
function endpointsOf(value: unknown): Readonly<Record<string, number>> {
  const list = typeof value === "string" ? parseJson(new TextEncoder().encode(value)) : value;
  const entries = (Array.isArray(list) ? list : []).flatMap((one): readonly (readonly [string, number])[] => {
    const { protocol, port: number } = mapping(one);
    const [name, at] = [text(protocol), port(number)];
    return name === undefined || at === undefined ? [] : [[name.toLowerCase(), at]];
  });
  return Object.fromEntries(entries);
}

interface Offer {
  readonly iface: string;
  readonly group: string;
  readonly version: string;
  readonly protocol: string;
}

/** One service for each interface, group and version that any revision offers, with the instances of those revisions. */
function interfacesOf(
  unit: string,
  instances: readonly AppInstance[],
  dataOf: (revision: string) => Uint8Array | undefined,
): readonly ReadService[] {
  const offers = new Map<string, readonly Offer[]>();
  const services = new Map<string, { readonly offer: Offer; readonly instances: ReadInstance[] }>();
  for (const instance of instances) {
    const { revision, remote } = instance;
    if (revision === undefined || !remote) continue;
    const known = offers.get(revision) ?? offersOf(dataOf(revision));
    offers.set(revision, known);
    for (const offer of known) {
      const number = Object.hasOwn(instance.ports, offer.protocol) ? instance.ports[offer.protocol] : undefined;
      if (number === undefined) continue;
      const key = serviceScope(offer.iface, offer.version, offer.group);
      const service = services.get(key) ?? { offer, instances: [] };
      service.instances.push(toInstance(instance, { [offer.protocol]: number }));
      services.set(key, service);
    }
  }
  return [...services]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { offer, instances: all }]) => ({
      ...serviceOf(offer.iface, all),
      scope: `${unit}/${key}`,
      labels: { ...serviceLabels(offer.iface, offer.group, offer.version), "dubbo.application": decoded(unit) },
      rejected: [],
    }));
}

function offersOf(data: Uint8Array | undefined): readonly Offer[] {
  const services = Object.values(mapping(mapping(parseJson(data))["services"])).slice(0, MAX_INTERFACES);
  return services.flatMap((value) => {
    const one = mapping(value);
    const [iface, protocol] = [text(one["name"]), text(one["protocol"])];
    if (iface === undefined || protocol === undefined) return [];
    const version = text(one["version"]) ?? "";
    return [
      { iface, protocol: protocol.toLowerCase(), group: text(one["group"]) ?? "", version: version === "0.0.0" ? "" : version },
    ];
  });
}

/** Several interfaces of one revision may be offered by one instance: its id is the same in each. */
function toInstance({ id, host, labels }: AppInstance, ports: Readonly<Record<string, number>>): ReadInstance {
  return { id, host, ports, health: "healthy", weight: 100, labels };
}

function serviceOf(name: string, instances: readonly ReadInstance[]): Pick<ReadService, "name" | "ports" | "instances"> {
  const protocols = [...new Set(instances.flatMap(({ ports }) => Object.keys(ports)))].sort();
  return { name, ports: protocols.map((one) => ({ name: one, protocol: protocolOf(one) })), instances };
}
