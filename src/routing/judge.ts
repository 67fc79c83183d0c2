/** What is to be said of one instance for one client, before it is compared with others. Pure. */
import type { CatalogInstance, CatalogService, InstanceDrain } from "../catalog/types.ts";
import type { SuspectReason } from "../model/evidence.ts";
import { type Health, isUsable } from "../model/health.ts";
import type { Stale } from "../model/instance.ts";
import { localityName } from "../model/locality.ts";
import { serviceId } from "../model/service.ts";
import type { Client } from "./client.ts";
import { distanceOf, MAX_DISTANCE, type Preference } from "./distance.ts";
import type { ServicePolicy } from "./policy.ts";
import { type Export, exportProblem, type GatewayAddress, type Topology } from "./topology.ts";

export type ExclusionReason = "no-such-port" | "other-network" | "not-exported" | "duplicate-address" | "not-usable" | "drained";

export interface Excluded {
  readonly kind: "excluded";
  readonly reason: ExclusionReason;
  readonly message: string;
}

/** How well an instance is spoken of. Held is no better than degraded: both are for when nothing else is left. */
export const STANDING = { usable: 0, lastResort: 1, notUsable: 2 } as const;
export type Standing = (typeof STANDING)[keyof typeof STANDING];

/** gRPC clients know no DEGRADED: what is degraded or held gets a rank after everything else. */
const LAST_RESORT = MAX_DISTANCE;
/** What nobody could confirm for very long comes after that. */
const LAST_PRIORITY = 10 * MAX_DISTANCE;
/** Gateways that were lost while their network has others. */
export const SPARE = 40 * MAX_DISTANCE;
/** What is drained comes after everything: no priority that still serves has it among its hosts. */
const DRAINED = 50 * MAX_DISTANCE;
/** Above every rank. */
export const MAX_RANK = 100 * MAX_DISTANCE;

export interface Candidate {
  readonly instance: CatalogInstance;
  readonly port: number;
  readonly health: Health;
  readonly rank: number;
  readonly standing: Standing;
  readonly network: string;
  /** The gateways that lead to it; empty: it is dialled itself. */
  readonly gateways: readonly GatewayAddress[];
  /** Those that were lost while there are others: known to the client still, so that it goes on asking them, after all else. */
  readonly spare: readonly GatewayAddress[];
  readonly notes: readonly string[];
}

export interface Judged {
  readonly instance: CatalogInstance;
  readonly result: Candidate | Excluded;
}

/** Everything beside the service and the client that decides what may be reached. */
export interface ReachRules {
  readonly topology: Topology;
  readonly preference: Preference;
  /** Default: `remote`. */
  readonly mode?: ServicePolicy["gatewayMode"] | undefined;
  /** Whether connections to the service carry a server name, without which no gateway knows where they go. Default: yes. */
  readonly named?: boolean | undefined;
  /** Envoy's overprovisioning factor, 1 for 100 %: when what is behind a gateway takes less than its load. Default: never. */
  readonly spill?: number | undefined;
  /** Gateways between networks only: where a connection is to be passed on to; undefined: to the gateway's own network. */
  readonly passTo?: string | undefined;
}

export interface JudgeContext extends ReachRules {
  readonly service: CatalogService;
  readonly portName: string;
  readonly client: Client;
}

/**
 * A drain never empties a client: where nothing is left that its registry confirms, the drained instances serve on, unless
 * the drain is a forced one.
 */
export function judgeAll(context: JudgeContext): readonly Judged[] {
  const { service } = context;
  const judged = judgeUndrained(context);
  const spared = ({ drain }: CatalogInstance) => drain?.force === false;
  const confirmed = ({ instance: { hold, stale }, result }: Judged) =>
    hold === undefined && stale === undefined && "rank" in result && isUsable(result.health);
  if (!service.instances.some(spared) || judged.some(confirmed)) return judged;
  const instances = service.instances.map(({ drain, ...rest }) => (drain?.force === true ? { ...rest, drain } : rest));
  return judgeUndrained({ ...context, service: { ...service, instances } }).map(
    ({ instance: asIfNot, result }, index): Judged => {
      const instance = service.instances[index] ?? asIfNot;
      if (!("rank" in result)) return { instance, result };
      const notes = spared(instance) ? [...result.notes, "drained, but nothing else is confirmed to serve"] : result.notes;
      return { instance, result: { ...result, instance, notes } };
    },
  );
}

/** When nothing may be used, what says of itself that it still serves while it drains is (KEP-1669). */
function judgeUndrained(context: JudgeContext): readonly Judged[] {
  const { instances } = context.service;
  const own = context.topology.exportOf(context.service.key);
  const exportOf = ({ origin }: CatalogInstance) => (origin === undefined ? own : context.topology.exportOf(origin.key));
  const judgeOne = (instance: CatalogInstance): Judged => ({ instance, result: judge(instance, context, exportOf(instance)) });
  const judged = instances.map(judgeOne);
  if (!instances.some(stillServes) || judged.some(({ result }) => "rank" in result && isUsable(result.health))) return judged;
  return judged.map(({ instance, result }) => {
    if (!stillServes(instance)) return { instance, result };
    const { result: fallback } = judgeOne({ ...instance, health: "degraded" });
    if (!("rank" in fallback)) return { instance, result: fallback };
    return { instance, result: { ...fallback, instance, notes: [...fallback.notes, "draining, but nothing else is ready"] } };
  });
}

function stillServes({ health, labels, drain }: CatalogInstance): boolean {
  return health === "draining" && drain === undefined && labels["meshbridge.io/serving"] === "true";
}

function judge(instance: CatalogInstance, context: JudgeContext, exported: Export): Candidate | Excluded {
  const { portName, client, topology } = context;
  const port = Object.hasOwn(instance.ports, portName) ? instance.ports[portName] : undefined;
  if (port === undefined) return excluded("no-such-port", `it has no port called ${portName}`);
  const network = topology.networkOf(instance);
  const way = wayTo(instance, network, context, exported);
  if ("kind" in way) return way;
  const notes: string[] = [...way.notes];
  const distance = distanceOf(instance, network, client, context.preference);
  if (distance.note !== undefined) notes.push(distance.note);
  if (instance.origin !== undefined) notes.push(`an instance of ${serviceId(instance.origin.key)}`);
  const doubt = [...doubtOf(instance), ...way.doubt];
  notes.push(...doubt);
  if (instance.drain !== undefined) {
    if (client.role === "grpc") return excluded("drained", drainNote(instance.drain));
    const health = isUsable(instance.health) ? "draining" : instance.health;
    const shown = { health, rank: DRAINED + distance.rank, notes: [...notes, drainNote(instance.drain)] } as const;
    return { instance, port, standing: STANDING.notUsable, network, gateways: way.gateways, spare: way.spare, ...shown };
  }
  const degraded = isUsable(instance.health) && (doubt.length > 0 || instance.health === "degraded");
  const standing = isUsable(instance.health) ? (degraded ? STANDING.lastResort : STANDING.usable) : STANDING.notUsable;
  const rank = distance.rank + (instance.stale?.stage === "last" ? LAST_PRIORITY : 0);
  const common = { instance, port, standing, network, gateways: way.gateways, spare: way.spare };
  if (client.role !== "grpc") return { ...common, health: degraded ? "degraded" : instance.health, rank, notes };
  if (!isUsable(instance.health))
    return excluded("not-usable", `it is ${instance.health}, and gRPC clients are told of usable instances only`);
  if (!degraded) return { ...common, health: instance.health, rank, notes };
  notes.push("after all others, since gRPC knows no DEGRADED");
  return { ...common, health: "healthy", rank: rank + LAST_RESORT, notes };
}

interface Way {
  readonly gateways: readonly GatewayAddress[];
  readonly spare: readonly GatewayAddress[];
  readonly notes: readonly string[];
  /** Why it is a last resort; empty: it is none. */
  readonly doubt: readonly string[];
}

const DIRECT: Way = { gateways: [], spare: [], notes: [], doubt: [] };

function wayTo(instance: CatalogInstance, network: string, context: JudgeContext, exported: Export): Way | Excluded {
  const { client, topology, mode = "remote" } = context;
  const { cluster } = instance;
  if (client.role === "eastWest") return wayOfGateway(instance, network, context, exported);
  if (network === client.network && cluster === client.cluster) return DIRECT;
  const entered = network === client.network || mode === "none" ? [] : nearestGateways(topology.gatewaysOf(network), instance);
  const all = mode === "local" && entered.length > 0 ? topology.gatewaysOf(client.network) : entered;
  const gateways = preferred(all);
  if (network !== client.network && mode !== "none" && gateways.length === 0)
    return excluded("other-network", `it is on network ${network}, the client on ${client.network}, and no gateway joins them`);
  const problem = exportProblem(exported, { cluster, network }, client);
  if (problem !== undefined) return excluded("not-exported", problem);
  if (network === client.network) return DIRECT;
  if (mode === "none") return { ...DIRECT, notes: [`on network ${network}, dialled all the same (gateway mode none)`] };
  if (context.named === false)
    return excluded(
      "other-network",
      `it is on network ${network}, and gateways cannot tell plain text apart: it needs tls: mutual`,
    );
  if (client.role === "grpc")
    return excluded("other-network", `it is on network ${network}, and gRPC clients cannot name a service to a gateway`);
  const notes = [`on network ${network}, through ${gateways.map(gatewayName).join(" or ")}`, ...gateways.flatMap(rampNote)];
  return { gateways, spare: all.filter((one) => !gateways.includes(one)), notes, doubt: lostNotes(gateways) };
}

/** Lost gateways, and those that have only just come back, are left alone while there are others. */
function preferred(gateways: readonly GatewayAddress[]): readonly GatewayAddress[] {
  const answering = gateways.filter((gateway) => !isLastResort(gateway));
  return answering.length > 0 ? answering : gateways;
}

function isLastResort({ standing }: GatewayAddress): boolean {
  return standing?.kind === "lost" || standing?.kind === "held";
}

function gatewayName({ name, address, port }: GatewayAddress): string {
  return name === address ? `${address}:${port}` : `${name} (${address}:${port})`;
}

function rampNote(gateway: GatewayAddress): readonly string[] {
  const { standing } = gateway;
  if (standing?.kind !== "ramp") return [];
  return [`${gatewayName(gateway)} is coming back, with ${Math.round(standing.share * 100)} % of its load for now`];
}

/** Why all of them are a last resort; empty when one is not. */
function lostNotes(gateways: readonly GatewayAddress[]): readonly string[] {
  if (!gateways.every(isLastResort)) return [];
  return gateways.map((gateway) => {
    const how = gateway.standing?.kind === "held" ? "answers again, but has not for long enough" : "does not answer the bridge";
    return `the gateway ${gatewayName(gateway)} ${how}`;
  });
}

/** A gateway passes on what is exported to anybody; who may come is for its listener to say. */
function wayOfGateway(
  instance: CatalogInstance,
  network: string,
  { client, topology, passTo }: JudgeContext,
  { scope, to }: Export,
): Way | Excluded {
  if (scope !== "listed" || to.size === 0) return excluded("not-exported", "no export rule lets it be reached from outside");
  if (network === client.network && passTo === undefined) return DIRECT;
  const gateways = network === passTo ? preferred(nearestGateways(topology.gatewaysOf(network), instance)) : [];
  if (gateways.length > 0) return { gateways, spare: [], notes: [`passed on to network ${network}`], doubt: lostNotes(gateways) };
  return excluded("other-network", `it is on network ${network}, and the connection is for network ${passTo ?? client.network}`);
}

/** Those of the instance's own region, where there are such that answer; else all of the network. */
function nearestGateways(gateways: readonly GatewayAddress[], { locality }: CatalogInstance): readonly GatewayAddress[] {
  if (locality.region === "") return gateways;
  const near = gateways.filter((gateway) => gateway.locality.region === locality.region);
  const exact = near.filter((gateway) => localityName(gateway.locality) === localityName(locality));
  const answering = [exact, near].find((some) => some.some((one) => !isLastResort(one)));
  return answering ?? gateways;
}

function drainNote({ owner, reason, until }: InstanceDrain): string {
  const why = reason === "" ? "" : ` (${reason})`;
  return `drained by ${owner}${why} until ${new Date(until).toISOString()}, so it gets no new requests`;
}

/** Why an instance is served as degraded although its registry spoke well of it; empty when there is no doubt. */
function doubtOf({ hold, stale }: CatalogInstance): readonly string[] {
  const held =
    hold === undefined
      ? []
      : [`held (${hold.reason}): its registry no longer names it, ${WITHOUT[hold.reason] ?? "without proof"}`];
  const old = stale === undefined ? [] : [STALE_NOTE[stale.stage]];
  return [...held, ...old];
}

const WITHOUT: Partial<Record<SuspectReason, string>> = { "mass-drop": "and too many left with it" };
const STALE_NOTE: Readonly<Record<Stale["stage"], string>> = {
  degraded: "its registry could not be read for long",
  last: "its registry could not be read for very long, so it is in the last priority",
};

export function excluded(reason: ExclusionReason, message: string): Excluded {
  return { kind: "excluded", reason, message };
}
