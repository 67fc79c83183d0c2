/** From settings to what the translation of one cluster needs. Pure. */
import type { RegistrySettings } from "../../src/registry/settings.ts";
import type { KubernetesSettings } from "./schema.ts";
import type { ClusterSpec } from "./specs.ts";
import type { TranslateContext } from "./translate/index.ts";

interface Settings {
  readonly registry: string;
  readonly config: KubernetesSettings;
  readonly settings: RegistrySettings;
}

export function translateContext({ name, network, locality }: ClusterSpec, { registry, config }: Settings): TranslateContext {
  return {
    registry,
    cluster: name,
    network,
    locality,
    regions: new Map(Object.entries(config.regions ?? {})),
    family: config.family ?? "ipv4",
    headlessPods: config.headlessPods ?? false,
    hints: config.hints ?? true,
    defaultProtocol: config.defaultProtocol ?? "TCP",
    namespaces: new Map(Object.entries(config.namespaceMap ?? {})),
    resolved: new Map(),
  };
}
