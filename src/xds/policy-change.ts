/** What another traffic policy changes. Reloaded configurations differ in a line or two; making everything anew is for the rest. */
import { isDeepStrictEqual } from "node:util";
import type { ServiceId, ServiceKey } from "../model/service.ts";
import type { ServicePolicy, TrafficPolicy } from "../routing/policy.ts";

export interface PolicyChange {
  /** Services whose own resources have to be made anew. */
  readonly services: ReadonlySet<ServiceId>;
  /** Listeners and routes too. */
  readonly shape: boolean;
}

/** What of a service's policy nothing but its clusters and endpoints depends on. Whatever is not named here counts as more. */
const OF_CLUSTERS_ALONE: ReadonlySet<string> = new Set<keyof ServicePolicy>([
  "match",
  "connectTimeoutMs",
  "outlierDetection",
  "circuitBreaker",
  "panicThreshold",
  "overprovisioning",
  "probe",
]);

/**
 * Of these services. Undefined: something else than the policies of services differs, so everything is to be made anew.
 * Topologies count as equal only when they are the same object.
 */
export function policyChange(
  before: TrafficPolicy,
  after: TrafficPolicy,
  services: ReadonlyMap<ServiceId, { readonly key: ServiceKey }>,
): PolicyChange | undefined {
  const { policyOf, topology, ...rest } = before;
  const { policyOf: nextOf, topology: nextTopology, ...nextRest } = after;
  if (topology !== nextTopology || !isDeepStrictEqual(rest, nextRest)) return undefined;
  const changed = new Set<ServiceId>();
  let shape = false;
  // Policies are shared by many services.
  const known = new Map<ServicePolicy, Map<ServicePolicy, readonly string[]>>();
  for (const [id, { key }] of services) {
    const policy = policyOf(key);
    const next = nextOf(key);
    if (policy === next) continue;
    const answers = known.get(policy) ?? new Map<ServicePolicy, readonly string[]>();
    const fields = answers.get(next) ?? differingFields(policy, next);
    known.set(policy, answers.set(next, fields));
    if (fields.length > 0) changed.add(id);
    shape ||= fields.some((field) => !OF_CLUSTERS_ALONE.has(field));
  }
  return { services: changed, shape };
}

function differingFields(a: ServicePolicy, b: ServicePolicy): readonly string[] {
  const fields = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...fields].filter((field) => !isDeepStrictEqual(Reflect.get(a, field), Reflect.get(b, field)));
}
