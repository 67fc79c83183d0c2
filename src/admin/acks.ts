/** Which clients have acknowledged what they are served of a service. Pure. */
import type { CatalogService } from "../catalog/types.ts";
import { clusterName } from "../xds/names.ts";
import type { ProxyStatus } from "../xds/proxy-status.ts";
import { TYPE_URL } from "../xds/types.ts";

export const ACK_STATES = ["acked", "pending", "nacked", "not-subscribed"] as const;

export interface ProxyAck {
  readonly id: string;
  /** `pending`: it has been sent, or will be, and has not been answered. */
  readonly status: (typeof ACK_STATES)[number];
  readonly message: string | null;
}

/** When the resource changed last, as a seq of its view's table; undefined when the view does not have it. */
export type ResourceSeq = (view: string, typeUrl: string, name: string) => number | undefined;

/** Of the endpoints of one port of a service, by the name of their resource. */
export function ackOf(proxy: ProxyStatus, resource: string, resourceSeq: ResourceSeq): ProxyAck {
  const eds = proxy.types.find(
    ({ typeUrl, wildcard, subscribed }) => typeUrl === TYPE_URL.endpoint && (wildcard || subscribed.has(resource)),
  );
  const seq = resourceSeq(proxy.view, TYPE_URL.endpoint, resource);
  const of = (status: ProxyAck["status"], message: string | null = null): ProxyAck => ({ id: proxy.id, status, message });
  if (eds === undefined || seq === undefined) return of("not-subscribed");
  if (eds.ackedSeq >= seq) return of("acked");
  return eds.status === "NACKED" ? of("nacked", eds.lastNack?.message) : of("pending");
}

/** The worst first: a client has acknowledged a service when it has all ports of it that it asked for. */
const ORDER = ["nacked", "pending", "acked", "not-subscribed"] as const;

/** Of all ports of a service together. */
export function serviceAckOf(proxy: ProxyStatus, { key, ports }: CatalogService, resourceSeq: ResourceSeq): ProxyAck {
  const acks = ports.map(({ name }) => ackOf(proxy, clusterName(key, name), resourceSeq));
  const worst = ORDER.map((status) => acks.find((ack) => ack.status === status)).find((ack) => ack !== undefined);
  return worst ?? { id: proxy.id, status: "not-subscribed", message: null };
}

/**
 * `acked`: everyone who asked for the service has its newest state; `pending`: not yet; `nobody`: no connected client asks
 * for it, which proves nothing of those that are not connected.
 */
export const SERVICE_ACK_STATES = ["acked", "pending", "nobody"] as const;
export type ServiceAckState = (typeof SERVICE_ACK_STATES)[number];

export function serviceAckState(acks: readonly ProxyAck[], catalogVersion: number, servedVersion: number): ServiceAckState {
  const concerned = acks.filter(({ status }) => status !== "not-subscribed");
  if (servedVersion < catalogVersion || concerned.some(({ status }) => status !== "acked")) return "pending";
  return concerned.length === 0 ? "nobody" : "acked";
}
