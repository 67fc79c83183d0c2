/** For tests: the settings every registry takes, with their defaults and what a test says otherwise. */
import type { RegistrySettings } from "./settings.ts";

export function registrySettings(fields: Partial<RegistrySettings> = {}): RegistrySettings {
  return {
    namespace: "default",
    cluster: "c1",
    network: "default",
    locality: {},
    addresses: { allow: [], deny: [] },
    trusted: false,
    holdForMs: 120_000,
    ...fields,
  };
}
