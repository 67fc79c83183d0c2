/**
 * Why an endpoint is there or not: every instance with where it was seen, what the routing decided for the asking client
 * and why, and which clients have acknowledged it. Pure; the decisions are those the endpoints themselves are made from.
 */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import type { Condition } from "../model/condition.ts";
import { SUSPECT_REASONS } from "../model/evidence.ts";
import type { Health } from "../model/health.ts";
import type { Locality } from "../model/locality.ts";
import type { ServicePort } from "../model/service.ts";
import { sourceName } from "../model/source.ts";
import type { HeldInstance } from "../registry/holds.ts";
import type { RegistryStatus, RejectedRecord } from "../registry/status.ts";
import type { Client } from "../routing/client.ts";
import type { ServicePolicy, TrafficPolicy } from "../routing/policy.ts";
import { type Included, reach, type Verdict } from "../routing/reach.ts";
import { endpointSni, reachRules } from "../routing/rules.ts";
import type { GatewayAddress } from "../routing/topology.ts";
import { clusterName } from "../xds/names.ts";
import type { ProxyStatus } from "../xds/proxy-status.ts";
import { ackOf, type ProxyAck, type ResourceSeq } from "./acks.ts";
import { evidenceNotes, evidenceOf, holdEnds, type InstanceEvidence } from "./evidence.ts";

export interface ExplainInput {
  readonly service: CatalogService;
  readonly port: ServicePort | undefined;
  readonly client: Client;
  readonly node: string | undefined;
  readonly policy: ServicePolicy;
  readonly traffic: Pick<TrafficPolicy, "topology" | "mtls" | "domain">;
  readonly rejected: readonly RejectedRecord[];
  readonly registries: readonly RegistryStatus[];
  readonly held: readonly HeldInstance[];
  readonly proxies: readonly ProxyStatus[];
  readonly resourceSeq: ResourceSeq;
}

export interface ExplainedInstance {
  readonly id: string;
  /** Registry and scope in which it was seen. */
  readonly seenIn: string;
  readonly address: string;
  readonly port: number | null;
  /** `held` instances are kept too, as degraded. */
  readonly verdict: "kept" | "held" | "excluded";
  /** The rule that decided, in one sentence. */
  readonly reason: string;
  /** As the registry says, and as the client is told (null: it is not told). */
  readonly health: { readonly registry: Health; readonly client: Health | null };
  readonly priority: number | null;
  readonly weight: number;
  readonly locality: Locality;
  readonly cluster: string;
  readonly network: string;
  /** `endsInSeconds` null: not before the registry's answers are proof again. */
  readonly hold: { readonly reason: string; readonly since: string; readonly endsInSeconds: number | null } | null;
  readonly evidence: InstanceEvidence | null;
  /** What the client dials for it; null: nothing. */
  readonly endpoint: ExplainedEndpoint | null;
  readonly drain: { readonly owner: string; readonly reason: string; readonly until: string } | null;
}

export interface ExplainedEndpoint {
  readonly address: string;
  readonly port: number;
  /** Of the endpoint: of a gateway the sum of all it stands for. */
  readonly weight: number;
  /** The gateway it is; null: the instance itself. */
  readonly gateway: string | null;
  /** The server name it is dialled by; null: in plain text. */
  readonly sni: string | null;
}

export interface Explanation {
  readonly service: string;
  readonly port: string | null;
  readonly node: string | null;
  readonly client: Omit<Client, "inbound">;
  readonly sources: readonly string[];
  readonly conditions: readonly Condition[];
  /** The pattern of the policy that applies; null for the defaults. */
  readonly policy: string | null;
  readonly instances: readonly ExplainedInstance[];
  readonly rejected: readonly { readonly seenIn: string; readonly record: string; readonly reason: string }[];
  readonly proxies: readonly ProxyAck[];
}

export function explainService(input: ExplainInput): Explanation {
  const { service, port, client, node, policy, traffic, rejected, proxies, registries } = input;
  const endOf = holdEnds(input.held);
  const { inbound: _, ...shown } = client;
  const decisions = port === undefined ? [] : reach(service, port.name, client, reachRules(port, policy, traffic)).decisions();
  const sniOf = (gateway: GatewayAddress | undefined, network: string, instance: CatalogInstance) =>
    port === undefined || policy.tls !== "mutual" || traffic.mtls === undefined || client.role === "grpc"
      ? null
      : endpointSni({ gateway, network, instance }, service.key, port, { policy, traffic });
  return {
    service: service.id,
    port: port?.name ?? null,
    node: node ?? null,
    client: shown,
    sources: service.sources.map(sourceName),
    conditions: service.conditions,
    policy: policy.match ?? null,
    instances: decisions.map(({ instance, verdict }) => {
      const network = traffic.topology.networkOf(instance);
      const evidence = evidenceOf(instance.source, registries);
      const explained = explainInstance({ ...instance, network }, verdict, evidence, endOf(instance.source, instance.id));
      return verdict.kind === "excluded"
        ? explained
        : { ...explained, endpoint: endpointOf(instance, verdict, sniOf(verdict.via[0], network, instance)) };
    }),
    rejected: rejected.map(({ source, record, reason }) => ({ seenIn: sourceName(source), record, reason })),
    proxies:
      port === undefined ? [] : proxies.map((proxy) => ackOf(proxy, clusterName(service.key, port.name), input.resourceSeq)),
  };
}

function explainInstance(
  instance: CatalogInstance,
  verdict: Verdict,
  evidence: InstanceEvidence | null,
  endsInSeconds: number | null,
): ExplainedInstance {
  const { id, source, address, weight, locality, cluster, network, hold, drain } = instance;
  const drained = drain && { owner: drain.owner, reason: drain.reason, until: new Date(drain.until).toISOString() };
  const common = {
    id,
    seenIn: sourceName(source),
    address,
    weight,
    locality,
    cluster,
    network,
    evidence,
    drain: drained ?? null,
  };
  const held = hold === undefined ? null : { reason: hold.reason, since: new Date(hold.since).toISOString(), endsInSeconds };
  if (verdict.kind === "excluded") {
    const health = { registry: instance.health, client: null };
    return {
      ...common,
      port: null,
      verdict: "excluded",
      reason: verdict.message,
      health,
      priority: null,
      endpoint: null,
      hold: held,
    };
  }
  const { port, priority } = verdict;
  const notes = [...verdict.notes, ...evidenceNotes(evidence)];
  return {
    ...common,
    port,
    verdict: hold === undefined ? "kept" : "held",
    reason:
      hold === undefined
        ? keptReason(notes)
        : `${SUSPECT_REASONS[hold.reason]}; ${[...notes, endNote(endsInSeconds)].join("; ")}`,
    health: { registry: instance.health, client: verdict.health },
    priority,
    endpoint: null,
    hold: held,
  };
}

function endNote(endsInSeconds: number | null): string {
  if (endsInSeconds === null) return "the hold ends when its registry's answers are proof again, or by an operator's release";
  return `the hold ends in ${Math.round(endsInSeconds)} s if nothing happens`;
}

function endpointOf({ address }: CatalogInstance, { port, weight, via }: Included, sni: string | null): ExplainedEndpoint {
  const [gateway] = via;
  if (gateway === undefined) return { address, port, weight, gateway: null, sni };
  return { address: gateway.address, port: gateway.port, weight, gateway: gateway.name, sni };
}

function keptReason(notes: readonly string[]): string {
  return ["its registry names it", ...notes].join("; ");
}
