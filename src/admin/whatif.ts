/**
 * What every client would get if a cluster or a registry were lost, or a cluster drained: the same routing as always, on a catalog
 * changed in thought. Pure.
 */
import type { CatalogInstance, CatalogService } from "../catalog/types.ts";
import { isUsable } from "../model/health.ts";
import type { ServiceId } from "../model/service.ts";
import type { Client } from "../routing/client.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import { type Endpoint, type ReachRules, reach } from "../routing/reach.ts";
import { reachRules } from "../routing/rules.ts";

export type Loss =
  /** Its instances are gone. */
  | { readonly kind: "lose"; readonly cluster: string }
  /** Its instances are draining: what is under way ends in peace, nothing new goes there. */
  | { readonly kind: "drain"; readonly cluster: string }
  /** It cannot be read for longer than `staleness.degradeAfter`: its instances stay, as DEGRADED. */
  | { readonly kind: "loseRegistry"; readonly registry: string };

interface WhatIfInput {
  readonly loss: Loss;
  readonly services: ReadonlyMap<ServiceId, CatalogService>;
  readonly clients: readonly Client[];
  readonly traffic: TrafficPolicy;
  /** Ms since the epoch. */
  readonly now: number;
}

interface WhatIfEndpoint {
  readonly address: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
  readonly health: string;
  readonly clusters: readonly string[];
  /** The network whose gateway it is; null: dialled directly. */
  readonly gatewayOf: string | null;
}

interface WhatIfService {
  readonly service: ServiceId;
  readonly port: string;
  /** `kept`: as many usable endpoints as before; `fewer`; `failover`: another priority takes over; `none`: nobody is left. */
  readonly verdict: "kept" | "fewer" | "failover" | "none";
  readonly usable: { readonly before: number; readonly after: number };
  /** The endpoints that would result. */
  readonly endpoints: readonly WhatIfEndpoint[];
}

interface WhatIfClient {
  readonly client: Omit<Client, "inbound">;
  /** Only services that have an instance there. */
  readonly services: readonly WhatIfService[];
}

export function whatIf({ loss, services, clients, traffic, now }: WhatIfInput): readonly WhatIfClient[] {
  const changed = [...services.values()].flatMap((service) => {
    const after = changedService(service, loss, now);
    return after === undefined ? [] : [{ before: service, after }];
  });
  return clients.map((client) => {
    const { inbound: _, ...shown } = client;
    return { client: shown, services: changed.flatMap((pair) => portsOf(pair, client, traffic)) };
  });
}

interface Pair {
  readonly before: CatalogService;
  readonly after: CatalogService;
}

function portsOf({ before, after }: Pair, client: Client, traffic: TrafficPolicy): readonly WhatIfService[] {
  return before.ports.map((portOf) => {
    const { name: port } = portOf;
    const rules = reachRules(portOf, traffic.policyOf(before.key), traffic);
    const old = endpointsOf(before, port, rules);
    const next = endpointsOf(after, port, rules);
    const usable = { before: old.filter(isServing).length, after: next.filter(isServing).length };
    return { service: before.id, port, verdict: verdictOf(old, next), usable, endpoints: next };
  });

  function endpointsOf(service: CatalogService, port: string, rules: ReachRules): readonly WhatIfEndpoint[] {
    return reach(service, port, client, rules).localities.flatMap(({ priority, endpoints }) =>
      endpoints.map((endpoint) => shownEndpoint(endpoint, priority)),
    );
  }
}

function shownEndpoint(
  { address, port, weight, health, clusters, gateway, network }: Endpoint,
  priority: number,
): WhatIfEndpoint {
  return { address, port, priority, weight, health, clusters, gatewayOf: gateway === undefined ? null : network };
}

function isServing({ health }: WhatIfEndpoint): boolean {
  return isUsable(health as Endpoint["health"]);
}

/** Priorities are without gaps, so the first one after a loss is another one when it has other clusters. */
function verdictOf(before: readonly WhatIfEndpoint[], after: readonly WhatIfEndpoint[]): WhatIfService["verdict"] {
  const left = after.filter(isServing);
  if (left.length === 0) return before.some(isServing) ? "none" : "kept";
  const first = (all: readonly WhatIfEndpoint[]) => {
    const top = Math.min(...all.map(({ priority }) => priority));
    return new Set(all.filter(({ priority }) => priority === top).flatMap(({ clusters }) => clusters));
  };
  const was = first(before.filter(isServing));
  if ([...first(left)].some((cluster) => !was.has(cluster))) return "failover";
  return left.length < before.filter(isServing).length ? "fewer" : "kept";
}

/** Undefined: nothing of the service is concerned. */
function changedService(service: CatalogService, loss: Loss, now: number): CatalogService | undefined {
  const concerned = (instance: CatalogInstance) =>
    loss.kind === "loseRegistry" ? instance.source.registry === loss.registry : instance.cluster === loss.cluster;
  if (!service.instances.some(concerned)) return undefined;
  const instances = service.instances.flatMap((instance): readonly CatalogInstance[] => {
    if (!concerned(instance)) return [instance];
    if (loss.kind === "lose") return [];
    if (loss.kind === "drain") return [{ ...instance, health: "draining" }];
    return [{ ...instance, stale: instance.stale ?? { stage: "degraded", since: now } }];
  });
  return { ...service, instances };
}
