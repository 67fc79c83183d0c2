/**
 * What differs between two replies of the queries that speak of a whole datacentre. A return of a blocking query is no
 * proof of a change, so content is compared. Pure.
 *
 * What each reply shows (measured on Consul 1.20):
 * - `/catalog/services`: names and tags. Its index moves with every change of any instance, also where the body stays
 *   the same: another weight, address, port or metadata, an instance more or less;
 * - `/health/state/any`: every check. Its index moves with checks alone;
 * - `/catalog/nodes`: addresses and metadata of nodes, which move neither of the other two.
 */
import { isRecord, isText } from "./guards.ts";

/** Service names to their tags. */
export type CatalogReply = ReadonlyMap<string, ReadonlySet<string>>;

/** Undefined when the body is not a map of services. */
export function readCatalog(body: unknown): CatalogReply | undefined {
  if (!isRecord(body)) return undefined;
  return new Map(Object.entries(body).map(([name, tags]) => [name, new Set(Array.isArray(tags) ? tags.filter(isText) : [])]));
}

/** Services that are new or have other tags. Those that are gone are not among them. */
export function changedServices(before: CatalogReply, after: CatalogReply): Set<string> {
  const changed = new Set<string>();
  for (const [name, tags] of after) {
    const known = before.get(name);
    if (known === undefined || known.size !== tags.size || tags.difference(known).size > 0) changed.add(name);
  }
  return changed;
}

export interface Check {
  readonly node: string;
  /** Empty for a check of the node, which counts for all services on it. */
  readonly service: string;
  readonly status: string;
}

/** Checks by node and id. Output and notes are left out: they change all the time and mean nothing here. */
export type ChecksReply = ReadonlyMap<string, Check>;

/** Undefined when the body is no list; an entry of another shape is left out, as it can only be a hint to read again. */
export function readChecks(body: unknown): ChecksReply | undefined {
  if (!Array.isArray(body)) return undefined;
  const checks = new Map<string, Check>();
  for (const row of body) {
    if (!isRecord(row) || !isText(row["Node"]) || !isText(row["CheckID"])) continue;
    const service = isText(row["ServiceName"]) ? row["ServiceName"] : "";
    const check = { node: row["Node"], service, status: isText(row["Status"]) ? row["Status"] : "" };
    checks.set(JSON.stringify([row["Node"], row["ServiceID"], row["CheckID"]]), check);
  }
  return checks;
}

export interface ChangedChecks {
  readonly services: ReadonlySet<string>;
  /** Nodes of which a check changed: all services on them are concerned. */
  readonly nodes: ReadonlySet<string>;
}

/** Whom checks speak of that are new, gone or say something else. */
export function changedChecks(before: ChecksReply, after: ChecksReply): ChangedChecks {
  const services = new Set<string>();
  const nodes = new Set<string>();
  const concern = ({ node, service }: Check) => (service === "" ? nodes.add(node) : services.add(service));
  for (const [key, check] of after) {
    const known = before.get(key);
    if (known?.status === check.status && known.service === check.service) continue;
    concern(check);
    if (known !== undefined) concern(known);
  }
  for (const [key, check] of before) if (!after.has(key)) concern(check);
  return { services, nodes };
}

export interface NodesReply {
  /** What is used of each node, as comparable text, by name. */
  readonly nodes: ReadonlyMap<string, string>;
  /** The name of the datacentre the nodes are in; undefined when there is no node to say it. */
  readonly datacenter: string | undefined;
}

/** Undefined when the body is no list. */
export function readNodes(body: unknown): NodesReply | undefined {
  if (!Array.isArray(body)) return undefined;
  const nodes = new Map<string, string>();
  let datacenter: string | undefined;
  for (const row of body) {
    if (!isRecord(row) || !isText(row["Node"])) continue;
    nodes.set(row["Node"], JSON.stringify([row["Address"], row["Meta"], row["Locality"]]));
    if (isText(row["Datacenter"]) && row["Datacenter"] !== "") datacenter ??= row["Datacenter"];
  }
  return { nodes, datacenter };
}

/** Nodes that are new or look different now: a new one may have changed again since a service on it was read. */
export function changedNodes(before: NodesReply, after: NodesReply): Set<string> {
  return new Set([...after.nodes].filter(([name, content]) => before.nodes.get(name) !== content).map(([name]) => name));
}
