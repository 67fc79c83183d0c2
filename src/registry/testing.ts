/** For tests: the settings every registry takes with what a test says otherwise, and a group of a contract test. */
import type { Group } from "../model/group.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import type { ContractInstance } from "./contract-suite.ts";
import { AS_THEY_ARE } from "./naming.ts";
import { DEFAULT_PROTECTION, DEFAULT_STALENESS, type RegistrySettings } from "./settings.ts";

export function registrySettings(fields: Partial<RegistrySettings> = {}): RegistrySettings {
  return {
    namespace: "default",
    cluster: "c1",
    network: "default",
    locality: {},
    addresses: { allow: [], deny: [] },
    trusted: false,
    holdForMs: 120_000,
    protection: DEFAULT_PROTECTION,
    staleness: DEFAULT_STALENESS,
    required: true,
    naming: AS_THEY_ARE,
    ...fields,
  };
}

/**
 * The service of a contract test as its registry would give it: port `http`, healthy instances, in the namespace `default`.
 * `scope` and `cluster` are where the registry says that it saw it.
 */
export function contractGroup(
  service: string,
  instances: readonly ContractInstance[],
  { registry, scope, cluster }: { readonly registry: string; readonly scope: string; readonly cluster: string },
): Group {
  return {
    source: { registry, scope },
    service: { namespace: "default", name: service },
    ports: [{ name: "http", port: 80, protocol: "HTTP", inferred: false }],
    labels: {},
    instances: instances.map(({ address, port }) => ({
      id: `${address}:${port}`,
      address,
      ports: { http: port },
      locality: UNKNOWN_LOCALITY,
      cluster,
      network: "default",
      health: "healthy",
      weight: 1,
      labels: {},
    })),
  };
}
