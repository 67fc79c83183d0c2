/** For tests: the settings every registry takes, with their defaults and what a test says otherwise. */
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
    ...fields,
  };
}
