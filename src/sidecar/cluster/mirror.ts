/**
 * From what a registry says to what another one is to hold. Pure. An instance has the same id whichever sync carries it, so
 * that two syncs that lead to one place find each other's record there, and leave it; its chain of origins grows by the place
 * it is read from, so that it is not carried back.
 */
import type { Group } from "../../model/group.ts";
import type { Health } from "../../model/health.ts";
import type { Instance } from "../../model/instance.ts";
import type { ServicePort } from "../../model/service.ts";
import type { Owner, Traffic } from "../plan/record.ts";
import type { Registration } from "../registration.ts";

/** What says in labels whose record an instance was read from, and where that has been. */
const MARKS = {
  owner: "meshbridge-owner",
  origin: "meshbridge-origin",
  /** Labels of Kubernetes have no room for more: a Service with it was made by a sync. */
  imported: "meshbridge.io/imported",
} as const;

/** What the instance of an owner begins with that is a sync, and no workload. */
export const SYNC_INSTANCE = "sync/";

export interface MirrorRule {
  /** Patterns of `namespace/name`; `*` stands for any text. */
  readonly services: readonly string[];
  /** `{name}` and `{namespace}` are the service's. */
  readonly name: string;
  /** Port by name that is registered as the main one; undefined: the first. */
  readonly port: string | undefined;
  /** Whether what another sync has brought there is carried on. */
  readonly imports: "skip" | "forward";
}

/** `place`: the source's name. Equal groups give equal registrations, in the order of the groups. */
export function registrationsOf(groups: readonly Group[], rule: MirrorRule, place: string): readonly Registration[] {
  return groups.flatMap((group) => {
    const { namespace, name } = group.service;
    if (!rule.services.some((pattern) => matches(pattern, `${namespace}/${name}`))) return [];
    // A Service that a sync made says nothing of where its endpoints have been.
    if (group.labels[MARKS.imported] !== undefined) return [];
    const service = rule.name.replaceAll("{name}", name).replaceAll("{namespace}", namespace);
    return group.instances.flatMap((instance) => registrationOf(instance, { group, service, rule, place }) ?? []);
  });
}

interface From {
  readonly group: Group;
  readonly service: string;
  readonly rule: MirrorRule;
  readonly place: string;
}

function registrationOf(instance: Instance, { group, service, rule, place }: From): Registration | undefined {
  const traffic = trafficOf(instance.health);
  if (traffic === undefined) return undefined;
  if (isSync(instance.labels[MARKS.owner] ?? "") && rule.imports === "skip") return undefined;
  const main = rule.port === undefined ? group.ports[0] : group.ports.find(({ name }) => name === rule.port);
  const port = main === undefined ? undefined : instance.ports[main.name];
  if (main === undefined || port === undefined) return undefined;
  const others = Object.entries(instance.ports).filter(([name]) => name !== main.name && /^[a-z0-9-]{1,32}$/.test(name));
  return {
    id: `${instance.address.replaceAll(":", "-")}-${port}`,
    ...{ service, address: instance.address, port, ports: Object.fromEntries(others), protocol: protocolOf(main) },
    servicePort: main.port,
    weight: instance.weight,
    zone: instance.locality.zone || undefined,
    region: instance.locality.region || undefined,
    tags: [],
    labels: ownLabels(instance.labels),
    traffic,
    origin: [...originOf(instance.labels), place],
    // The source does not say, and two syncs must not differ.
    startedAt: 0,
  };
}

/** Of an owner as records have it, CLUSTER/INSTANCE. */
function isSync(owner: string): boolean {
  return owner.slice(owner.indexOf("/") + 1).startsWith(SYNC_INSTANCE);
}

/** Undefined: it is not to be dialled, and not to be waited for either. */
function trafficOf(health: Health): Traffic | undefined {
  if (health === "healthy" || health === "degraded" || health === "unknown") return "in";
  return health === "draining" ? "out" : undefined;
}

function originOf(labels: Instance["labels"]): readonly string[] {
  return (labels[MARKS.origin] ?? "").split(",").filter((place) => place !== "");
}

function protocolOf({ protocol }: ServicePort): string {
  return protocol.toLowerCase();
}

/** What the registry's own users have said, without our marks, the adapter's words, and what is told elsewhere. */
function ownLabels(labels: Instance["labels"]): Readonly<Record<string, string>> {
  const foreign = /^(meshbridge-|meshbridge\.|consul\.|kubernetes\.|zookeeper\.|port-)/;
  const told = new Set(["zone", "region", "protocol", "weight"]);
  return Object.fromEntries(
    Object.entries(labels).filter(([key]) => !foreign.test(key) && !told.has(key) && /^[A-Za-z0-9_.-]{1,64}$/.test(key)),
  );
}

/**
 * Without what the place they are for already has from somebody else: its own, or what another sync brought by a shorter way,
 * or as short a one and has the lesser name, so that of two syncs always the same one stays. `there`: what the place says.
 */
export function withoutDoubles(
  registrations: readonly Registration[],
  there: readonly Group[],
  { cluster, instance }: Pick<Owner, "cluster" | "instance">,
): readonly Registration[] {
  const ours = `${cluster}/${instance}`;
  const others = new Map<string, { readonly way: number; readonly owner: string }[]>();
  for (const group of there)
    for (const one of group.instances) {
      const owner = one.labels[MARKS.owner] ?? "";
      if (owner === ours) continue;
      const way = isSync(owner) ? originOf(one.labels).length : 0;
      for (const port of Object.values(one.ports)) {
        const key = `${group.service.name} ${one.address} ${port}`;
        others.set(key, [...(others.get(key) ?? []), { way, owner }]);
      }
    }
  return registrations.filter(({ service, address, port, origin }) =>
    (others.get(`${service} ${address} ${port}`) ?? []).every(
      ({ way, owner }) => origin.length < way || (origin.length === way && ours < owner),
    ),
  );
}

/** Whether the text is as the pattern says, in which `*` stands for any text. */
export function matches(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  const last = rest.pop() ?? "";
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - at >= last.length && text.endsWith(last);
}
