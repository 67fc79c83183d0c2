/** Between a registration and what Consul keeps of it: the service's definition out, the agent's or catalog's row in. Pure. */
import type { FoundRecord, Owner, Traffic, WantedRecord } from "../../src/sidecar/plan/record.ts";
import type { Registration } from "../../src/sidecar/registration.ts";
import { isRecord, isText, type JsonRecord, textAt } from "./guards.ts";

/** Keys of the metadata that say whose record it is. Others may be anything. */
export const META = {
  owner: "meshbridge-owner",
  epoch: "meshbridge-epoch",
  origin: "meshbridge-origin",
} as const;

/** What the id of a check begins with that takes a service out; the service's id follows. */
export const MAINTENANCE = "_service_maintenance:";

/** The id of the check that says whether the owner of a service lives. */
export function checkId(id: string): string {
  return `meshbridge:${id}`;
}

/** The part of a service's definition that is compared: what somebody changed by hand in it is put right again. */
export interface ConsulRecord {
  readonly id: string;
  readonly service: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weight: number;
  readonly traffic: Traffic;
}

/** The id under which a registration is known to Consul: unique within an agent, whoever else registers there. */
export function recordOf(registration: Registration, owner: Owner): WantedRecord {
  const { service, traffic, origin } = registration;
  const id = `${service}-${registration.id}`;
  const content = contentOf({
    ...{ id, service, traffic },
    address: registration.address,
    port: registration.port,
    tags: registration.tags,
    meta: metaOf(registration, owner),
    weight: registration.weight,
  });
  return { key: id, service, traffic, content, origin };
}

export function ownerText({ cluster, instance }: Pick<Owner, "cluster" | "instance">): string {
  return `${cluster}/${instance}`;
}

function metaOf(registration: Registration, owner: Owner): Record<string, string> {
  const { labels, zone, region, protocol, ports, origin } = registration;
  return {
    // Keys of Consul's metadata have no dots.
    ...Object.fromEntries(Object.entries(labels).map(([key, value]) => [key.replaceAll(".", "-"), value])),
    ...(zone !== undefined && { zone }),
    ...(region !== undefined && { region }),
    ...(protocol !== undefined && { protocol }),
    ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [`port-${name}`, String(port)])),
    [META.owner]: ownerText(owner),
    [META.epoch]: String(owner.epoch),
    [META.origin]: origin.join(","),
  };
}

/** Equal for equal records, whatever the order of their keys. */
function contentOf({ id, service, address, port, tags, meta, weight, traffic }: ConsulRecord): string {
  const entries = Object.entries(meta).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ id, service, address, port, tags, meta: Object.fromEntries(entries), weight, traffic });
}

/** What `contentOf` was made from. */
export function parseContent(content: string): ConsulRecord {
  return JSON.parse(content) as ConsulRecord;
}

/** A row of `/v1/agent/services`; `maintenance`: ids of services that are in maintenance. Undefined when it is none. */
export function foundOf(row: unknown, maintenance: ReadonlySet<string>): FoundRecord | undefined {
  if (!isRecord(row)) return undefined;
  const [key, service] = [textAt(row, "ID"), textAt(row, "Service")];
  if (key === undefined || service === undefined) return undefined;
  const meta = isRecord(row["Meta"]) ? row["Meta"] : {};
  const traffic: Traffic = maintenance.has(key) ? "out" : "in";
  const weights = isRecord(row["Weights"]) ? row["Weights"]["Passing"] : undefined;
  const content = contentOf({
    ...{ id: key, service, traffic },
    address: textAt(row, "Address") ?? "",
    port: typeof row["Port"] === "number" ? row["Port"] : 0,
    tags: Array.isArray(row["Tags"]) ? row["Tags"].filter(isText) : [],
    meta: Object.fromEntries(Object.entries(meta).filter((entry): entry is [string, string] => isText(entry[1]))),
    weight: typeof weights === "number" ? weights : 1,
  });
  return { key, service, traffic, content, owner: ownerOf(meta) };
}

/** Undefined: it does not say, or not in our words. A name of a cluster has no slash. */
function ownerOf(meta: JsonRecord): Owner | undefined {
  const [text, epoch] = [textAt(meta, META.owner), textAt(meta, META.epoch)];
  const at = text?.indexOf("/") ?? -1;
  if (text === undefined || at < 1 || epoch === undefined || !/^\d{1,15}$/.test(epoch)) return undefined;
  return { cluster: text.slice(0, at), instance: text.slice(at + 1), epoch: Number(epoch) };
}
