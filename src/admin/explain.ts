/**
 * Why an endpoint is there or not: every instance with where it was seen, what the routing decided for the asking client
 * and why, and which clients have acknowledged it. Pure; the decisions are those the endpoints themselves are made from.
 */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import type { Condition } from "../model/condition.ts";
import { SUSPECT_REASONS } from "../model/evidence.ts";
import type { Health } from "../model/health.ts";
import type { Locality } from "../model/locality.ts";
import { sourceName } from "../model/source.ts";
import type { RejectedRecord } from "../registry/status.ts";
import type { Client } from "../routing/client.ts";
import type { ServicePolicy } from "../routing/policy.ts";
import { reach, type Verdict } from "../routing/reach.ts";
import { clusterName } from "../xds/names.ts";
import type { ProxyStatus } from "../xds/proxy-status.ts";
import { TYPE_URL } from "../xds/types.ts";

export interface ExplainInput {
  readonly service: CatalogService;
  readonly portName: string | undefined;
  readonly client: Client;
  readonly node: string | undefined;
  readonly policy: ServicePolicy;
  readonly rejected: readonly RejectedRecord[];
  readonly proxies: readonly ProxyStatus[];
  resourceSeq(view: string, typeUrl: string, name: string): number | undefined;
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
  readonly hold: { readonly reason: string; readonly since: string } | null;
}

export interface ExplainedProxy {
  readonly id: string;
  /** `pending`: it has been sent, or will be, and has not been answered. */
  readonly status: "acked" | "pending" | "nacked" | "not-subscribed";
  readonly message: string | null;
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
  readonly proxies: readonly ExplainedProxy[];
}

export function explainService(input: ExplainInput): Explanation {
  const { service, portName, client, node, policy, rejected, proxies } = input;
  const { inbound: _, ...shown } = client;
  const decisions = portName === undefined ? [] : reach(service, portName, client).decisions;
  return {
    service: service.id,
    port: portName ?? null,
    node: node ?? null,
    client: shown,
    sources: service.sources.map(sourceName),
    conditions: service.conditions,
    policy: policy.match ?? null,
    instances: decisions.map(({ instance, verdict }) => explainInstance(instance, verdict)),
    rejected: rejected.map(({ source, record, reason }) => ({ seenIn: sourceName(source), record, reason })),
    proxies: portName === undefined ? [] : proxies.map((proxy) => explainProxy(proxy, clusterName(service.key, portName), input)),
  };
}

function explainInstance(instance: CatalogInstance, verdict: Verdict): ExplainedInstance {
  const { id, source, address, weight, locality, cluster, network, hold } = instance;
  const common = { id, seenIn: sourceName(source), address, weight, locality, cluster, network };
  const held = hold === undefined ? null : { reason: hold.reason, since: new Date(hold.since).toISOString() };
  if (verdict.kind === "excluded") {
    const health = { registry: instance.health, client: null };
    return { ...common, port: null, verdict: "excluded", reason: verdict.message, health, priority: null, hold: held };
  }
  const { port, priority } = verdict;
  return {
    ...common,
    port,
    verdict: hold === undefined ? "kept" : "held",
    reason: hold === undefined ? keptReason(verdict.notes) : `${SUSPECT_REASONS[hold.reason]}; ${verdict.notes.join("; ")}`,
    health: { registry: instance.health, client: verdict.health },
    priority,
    hold: held,
  };
}

function keptReason(notes: readonly string[]): string {
  return ["its registry names it", ...notes].join("; ");
}

function explainProxy(proxy: ProxyStatus, resource: string, { resourceSeq }: ExplainInput): ExplainedProxy {
  const eds = proxy.types.find(
    ({ typeUrl, wildcard, subscribed }) => typeUrl === TYPE_URL.endpoint && (wildcard || subscribed.has(resource)),
  );
  const seq = resourceSeq(proxy.view, TYPE_URL.endpoint, resource);
  const of = (status: ExplainedProxy["status"], message: string | null = null): ExplainedProxy => ({
    id: proxy.id,
    status,
    message,
  });
  if (eds === undefined || seq === undefined) return of("not-subscribed");
  if (eds.ackedSeq >= seq) return of("acked");
  return eds.status === "NACKED" ? of("nacked", eds.lastNack?.message) : of("pending");
}
