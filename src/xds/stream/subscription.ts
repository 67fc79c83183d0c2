/** What one stream wants of one type (xDS protocol, "How the client specifies what resources to return"). Pure data. */
import { NameSet } from "../name-set.ts";
import { TYPE_URL, type TypeTable, type TypeUrl } from "../types.ts";

const WILDCARD = "*";

export interface Subscription {
  /** SotW: no name was ever given, so an empty list still means everything. */
  legacy: boolean;
  wild: boolean;
  readonly names: NameSet;
}

/** Only listeners and clusters know "everything"; for the other types an empty list is nothing. */
export function isWildcardType(typeUrl: TypeUrl): boolean {
  return typeUrl === TYPE_URL.listener || typeUrl === TYPE_URL.cluster;
}

/**
 * Virtual hosts are had on demand alone: Envoy's first request for them, which is empty, waits for an answer and not for
 * all there are (envoy#46641).
 */
export function isOnDemandType(typeUrl: TypeUrl): boolean {
  return typeUrl === TYPE_URL.virtualHost;
}

/** The name under which a route configuration is said to have no virtual host for everything. */
export function everyHost(routeConfiguration: string): string {
  return `${routeConfiguration}/*`;
}

export function newSubscription(table: Pick<TypeTable, "index">): Subscription {
  return { legacy: true, wild: false, names: new NameSet(table) };
}

export function wants(subscription: Subscription, name: string): boolean {
  return subscription.wild || subscription.names.has(name);
}

export interface SubscriptionChange {
  /** Names asked for by this request that were not, or are asked for again: each must be answered. */
  readonly asked: readonly string[];
  /** True when the request turned the wildcard on. */
  readonly wildcardOn: boolean;
  readonly dropped: readonly string[];
}

/** SotW: the list is complete. Changes the subscription and says what that means. */
export function replaceNames(subscription: Subscription, typeUrl: TypeUrl, list: readonly string[]): SubscriptionChange {
  const wasWild = subscription.wild;
  if (list.length > 0) subscription.legacy = false;
  subscription.wild = list.includes(WILDCARD) || (list.length === 0 && subscription.legacy && isWildcardType(typeUrl));
  const next = new Set(list.filter((name) => name !== WILDCARD));
  const asked = [...next].filter((name) => !subscription.names.has(name));
  const dropped = [...subscription.names].filter((name) => !next.has(name));
  for (const name of dropped) subscription.names.delete(name);
  for (const name of asked) subscription.names.add(name);
  return { asked, wildcardOn: subscription.wild && !wasWild, dropped };
}

/** Delta: names come and go; a name that is subscribed again is asked for again. */
export function editNames(
  subscription: Subscription,
  typeUrl: TypeUrl,
  { subscribe, unsubscribe, first }: { subscribe: readonly string[]; unsubscribe: readonly string[]; first: boolean },
): SubscriptionChange {
  const wasWild = subscription.wild;
  if (first && subscribe.length === 0 && isWildcardType(typeUrl)) subscription.wild = true;
  for (const name of subscribe) {
    if (name !== WILDCARD) subscription.names.add(name);
    else if (!isOnDemandType(typeUrl)) subscription.wild = true;
  }
  for (const name of unsubscribe) {
    if (name === WILDCARD) subscription.wild = false;
    else subscription.names.delete(name);
  }
  subscription.legacy = false;
  const gone = new Set(unsubscribe);
  const asked = subscribe.filter((name) => name !== WILDCARD && !gone.has(name));
  const dropped = unsubscribe.filter((name) => name !== WILDCARD);
  return { asked, wildcardOn: subscription.wild && !wasWild, dropped };
}
