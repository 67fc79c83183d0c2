/** From the configuration and the Pod to what is registered. Pure. */
import { fail } from "../../model/errors.ts";
import type { Traffic } from "../plan/record.ts";
import type { Registration } from "../registration.ts";
import type { ServiceSettings } from "../settings/schema.ts";
import type { PodIdentity } from "./identity.ts";
import { fillTemplate } from "./template.ts";

export interface PodCircumstances {
  readonly cluster: string;
  readonly pod: PodIdentity;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ms since the epoch. */
  readonly startedAt: number;
}

/**
 * What one service of the configuration becomes. Throws MB_SIDECAR_IDENTITY when the name, the address or the weight comes
 * from something that the Pod does not have; tags, labels, zone and region without a value are left out.
 */
export function registrationOf(
  service: ServiceSettings,
  traffic: Traffic,
  { cluster, pod, env, startedAt }: PodCircumstances,
): Registration {
  const fill = (template: string) => fillTemplate(template, pod, env);
  const need = (what: string, template: string): string => {
    const text = fill(template);
    if (text !== undefined) return text;
    throw fail("MB_SIDECAR_IDENTITY", { what: `the ${what} to register`, reason: `${template} has no value` });
  };
  const optional = (template: string | undefined) => (template === undefined ? undefined : fill(template));
  const labels = Object.entries(service.labels ?? {}).flatMap(([key, template]) => {
    const value = fill(template);
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    id: `${pod.name}-${pod.uid}-${service.port}`,
    service: need("name", service.name),
    address: need("address", service.address ?? "{ip}"),
    port: service.port,
    ports: service.ports ?? {},
    protocol: service.protocol,
    weight: weightOf(service.weight, need),
    zone: optional(service.zone),
    region: optional(service.region),
    tags: (service.tags ?? []).flatMap((template) => fill(template) ?? []),
    labels: Object.fromEntries(labels),
    traffic,
    origin: [cluster],
    startedAt,
  };
}

function weightOf(weight: ServiceSettings["weight"], need: (what: string, template: string) => string): number {
  if (typeof weight !== "string") return weight ?? 1;
  const text = need("weight", weight);
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw fail("MB_SIDECAR_IDENTITY", { what: "the weight to register", reason: `${weight} is no whole number from 1 to 65535` });
}
