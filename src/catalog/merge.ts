/**
 * How the groups of several sources become one service. Pure, and independent of the order in which groups arrive:
 * sources are ranked first. What does not fit together is a condition, never a silent pick.
 */
import { compareText } from "../kernel/compare.ts";
import { compact } from "../model/compact.ts";
import type { Condition } from "../model/condition.ts";
import type { Group } from "../model/group.ts";
import { isUsable } from "../model/health.ts";
import { type ServiceKey, type ServicePort, serviceId } from "../model/service.ts";
import { sourceName } from "../model/source.ts";
import type { CatalogInstance, CatalogService, MergeRule } from "./types.ts";

export interface MergeContext {
  /** Names of the registries in configuration order: decides where the rule's own order does not. */
  readonly registries: readonly string[];
  readonly rule: MergeRule;
}

/** The service that all groups together describe. `groups` holds at least one, all of the same service. */
export function mergeService(key: ServiceKey, groups: readonly Group[], context: MergeContext): CatalogService {
  const ranked = rank(groups, context);
  const chosen = choose(ranked, context.rule);
  const conditions: Condition[] = [];
  const left = ranked.filter((group) => !chosen.includes(group));
  if (context.rule.mode === "reject" && left.length > 0) conditions.push(rejectedCondition(left));
  const ports = mergePorts(chosen, conditions);
  const instances = instancesOf(chosen);
  if (instances.length > 0 && !instances.some(({ health }) => isUsable(health)))
    conditions.push(noUsableCondition(instances.length));
  return {
    id: serviceId(key),
    key,
    ports,
    labels: labelsOf(chosen),
    instances,
    sources: ranked.map(({ source }) => source),
    conditions: conditions.length === 0 ? NO_CONDITIONS : conditions,
    ...hostsOf(chosen),
  };
}

const NO_CONDITIONS: readonly Condition[] = [];

function hostsOf(groups: readonly Group[]): Pick<CatalogService, "hosts"> {
  const hosts = [...new Set(groups.flatMap((group) => group.hosts ?? []))].sort(compareText);
  return hosts.length === 0 ? {} : { hosts };
}

function rank(groups: readonly Group[], { registries, rule }: MergeContext): readonly Group[] {
  const order = [...rule.order, ...registries.filter((name) => !rule.order.includes(name))];
  const place = (group: Group) => {
    const index = order.indexOf(group.source.registry);
    return index === -1 ? order.length : index;
  };
  return [...groups].sort((a, b) => place(a) - place(b) || compareText(sourceName(a.source), sourceName(b.source)));
}

function choose(ranked: readonly Group[], { mode }: MergeRule): readonly Group[] {
  if (mode === "merge") return ranked;
  const withInstances = mode === "priority" ? ranked.find(({ instances }) => instances.length > 0) : undefined;
  const first = withInstances ?? ranked[0];
  return ranked.filter(({ source }) => source.registry === first?.source.registry);
}

/** A declared port number wins over an inferred one; between equals the higher rank wins and the other is reported. */
function mergePorts(groups: readonly Group[], conditions: Condition[]): readonly ServicePort[] {
  const [first, ...more] = groups;
  if (first !== undefined && more.length === 0 && first.ports.length <= 1) return first.ports;
  const byName = new Map<string, { port: ServicePort; from: string }>();
  for (const { source, ports } of groups) {
    for (const port of ports) {
      const known = byName.get(port.name);
      const from = sourceName(source);
      if (known === undefined || (known.port.inferred && !port.inferred)) byName.set(port.name, { port, from });
      const conflict = known === undefined ? undefined : portConflict(known.port, port);
      if (known !== undefined && conflict !== undefined) conditions.push(portCondition(port.name, known.from, from, conflict));
    }
  }
  return [...byName.values()].map(({ port }) => port).sort((a, b) => compareText(a.name, b.name));
}

function portConflict(a: ServicePort, b: ServicePort): string | undefined {
  if (a.protocol !== b.protocol) return `protocol ${a.protocol} and ${b.protocol}`;
  return a.port !== b.port && !a.inferred && !b.inferred ? `number ${a.port} and ${b.port}` : undefined;
}

/** Of most services, which have one source, it is what the group has: no copy of it is kept. */
function instancesOf(groups: readonly Group[]): readonly CatalogInstance[] {
  const [first = [], ...more] = groups.map((group) => compact(group).instances);
  return more.length === 0 ? first : [first, ...more].flat();
}

function labelsOf(groups: readonly Group[]): CatalogService["labels"] {
  const [first, ...more] = groups;
  if (first !== undefined && more.length === 0) return first.labels;
  return Object.fromEntries([...groups].reverse().flatMap(({ labels }) => Object.entries(labels)));
}

function portCondition(port: string, winner: string, loser: string, conflict: string): Condition {
  return {
    type: "PortConflict",
    reason: "SourcesDisagree",
    message: `port ${port}: ${winner} and ${loser} disagree (${conflict}); a declared number wins over an inferred one, then the higher rank`,
  };
}

function rejectedCondition(left: readonly Group[]): Condition {
  const names = left.map(({ source }) => sourceName(source)).join(", ");
  return {
    type: "SourceRejected",
    reason: "MergeRejected",
    message: `left out because the service's merge rule is "reject": ${names}`,
  };
}

function noUsableCondition(count: number): Condition {
  return {
    type: "NoUsableInstance",
    reason: "AllUnhealthy",
    message: `none of its ${count} instances is healthy or degraded: clients get errors`,
  };
}
