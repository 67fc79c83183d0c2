/**
 * Between the model and what a link carries (proto/meshbridge/link/v1/link.proto). Both sides of a link use it, so what one
 * writes the other reads. Decoded values are as hostile as any registry's: `registry/sanitise.ts` judges them.
 */
import { createHash } from "node:crypto";
import { Group as WireGroup, type Instance as WireInstance } from "../gen/meshbridge/link/v1/link.ts";
import { AUTHORITATIVE, BY_OPERATOR, type Evidence, SUSPECT_REASONS, type SuspectReason, suspect } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import type { Health } from "../model/health.ts";
import type { Instance } from "../model/instance.ts";
import type { Protocol } from "../model/service.ts";

export const LINK_VERSION = 1;
/** A marker comes at least so often. */
export const HEARTBEAT_MS = 5000;
/** Whatever a server's limit is, a path longer than this is no path. */
export const MAX_HOPS = 16;
/** Label of every instance that came over a link: the clusters of the bridges it went through, origin first. */
export const PATH_LABEL = "meshbridge.io/link-path";

/** Names one group of a link for both sides: `origin/namespace/name`. */
export function groupKey(origin: string, { namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${origin}/${namespace}/${name}`;
}

/** What a bridge exports of one service of one origin. */
export interface ExportedGroup {
  /** Origin first, the exporting bridge last. */
  readonly path: readonly string[];
  readonly group: Omit<Group, "source">;
  readonly evidence: Evidence;
}

/** The doubt on the wire: empty for none. */
export function doubtText(evidence: Evidence): string {
  if (evidence.kind === "suspect") return evidence.reason;
  return evidence.byOperator ? "operator" : "";
}

/** A word that this version does not know is a doubt all the same. */
export function evidenceOf(doubt: string): Evidence {
  if (doubt === "") return AUTHORITATIVE;
  if (doubt === "operator") return BY_OPERATOR;
  return suspect(Object.hasOwn(SUSPECT_REASONS, doubt) ? (doubt as SuspectReason) : "partial-read");
}

/** The same group always gives equal bytes on one bridge: maps are written in the order of their keys. */
export function encodeGroup({ path, group, evidence }: ExportedGroup): WireGroup {
  const { service, ports, labels, instances } = group;
  return {
    namespace: service.namespace,
    name: service.name,
    path: [...path],
    ports: ports.map((port) => ({ ...port })),
    labels: sorted(labels),
    instances: instances.map(encodeInstance),
    doubt: doubtText(evidence),
  };
}

function encodeInstance({ id, address, ports, locality, cluster, network, health, weight, labels }: Instance): WireInstance {
  return { id, address, ports: sorted(ports), ...locality, cluster, network, health, weight, labels: sorted(labels) };
}

function sorted<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The group of a registry called `registry`. The source is scoped by origin: state of two clusters never mixes. */
export function decodeGroup(wire: WireGroup, registry: string): Group {
  const [origin = ""] = wire.path;
  const { namespace, name } = wire;
  const path = wire.path.join(",");
  return {
    source: { registry, scope: groupKey(origin, wire) },
    service: { namespace, name },
    ports: wire.ports.map((port) => ({ ...port, protocol: port.protocol as Protocol })),
    labels: wire.labels,
    instances: wire.instances.map((instance) => decodeInstance(instance, path)),
  };
}

function decodeInstance(wire: WireInstance, path: string): Instance {
  const { id, address, ports, region, zone, subZone, cluster, network, health, weight, labels } = wire;
  return {
    id,
    address,
    ports,
    locality: { region, zone, subZone },
    cluster,
    network,
    // A word that is none is refused by the gate all registries go through.
    health: health as Health,
    weight,
    labels: { ...labels, [PATH_LABEL]: path },
  };
}

/** 16 bytes that name the content of a group with its place. */
export function digestOf(wire: WireGroup): Buffer {
  return createHash("sha256").update(WireGroup.encode(wire).finish()).digest().subarray(0, 16);
}

/** Combines digests in place, in any order; combining one a second time takes it out again. */
export function toggleDigest(all: Buffer, one: Buffer): void {
  for (let index = 0; index < all.length; index++) all[index] = (all[index] ?? 0) ^ (one[index] ?? 0);
}
