/** What differs between the running configuration and a new one, so that only that is rebuilt. Pure. */
import { isDeepStrictEqual } from "node:util";
import type { ResolvedConfig, ResolvedRegistry } from "./resolved.ts";

export interface ConfigDiff {
  readonly registries: {
    readonly added: readonly ResolvedRegistry[];
    /** Same name, other kind or settings: the new one is started beside the old until it has synced. */
    readonly changed: readonly ResolvedRegistry[];
    readonly removed: readonly string[];
    /** The order of those that stay differs, which decides merges. */
    readonly reordered: boolean;
  };
  /** Gateways, service policies, sidecars or the domain. */
  readonly traffic: boolean;
  readonly logLevel: boolean;
  /** Settings that count only from the next start, as dotted paths. */
  readonly needsRestart: readonly string[];
}

export function diffConfig(before: ResolvedConfig, after: ResolvedConfig): ConfigDiff {
  const old = new Map(before.registries.map((registry) => [registry.name, registry]));
  const names = new Set(after.registries.map(({ name }) => name));
  const stay = (config: ResolvedConfig) =>
    config.registries.map(({ name }) => name).filter((name) => names.has(name) && old.has(name));
  return {
    registries: {
      added: after.registries.filter(({ name }) => !old.has(name)),
      changed: after.registries.filter((registry) => old.has(registry.name) && !sameRegistry(old.get(registry.name), registry)),
      removed: [...old.keys()].filter((name) => !names.has(name)),
      reordered: !isDeepStrictEqual(stay(before), stay(after)),
    },
    traffic: before.trafficKey !== after.trafficKey,
    logLevel: before.log.level !== after.log.level,
    needsRestart: restartPaths(before, after),
  };
}

function sameRegistry(a: ResolvedRegistry | undefined, b: ResolvedRegistry): boolean {
  return (
    a !== undefined && a.kind === b.kind && isDeepStrictEqual(a.config, b.config) && isDeepStrictEqual(a.settings, b.settings)
  );
}

/** Sockets are opened and clients are told once; the mesh's own place is part of what every client was told. */
function restartPaths(before: ResolvedConfig, after: ResolvedConfig): readonly string[] {
  const parts = (config: ResolvedConfig): Readonly<Record<string, unknown>> => ({
    "mesh.cluster": config.mesh.cluster,
    "mesh.network": config.mesh.network,
    "mesh.locality": config.mesh.locality,
    "xds.listen": config.xds.listen,
    "xds.reusePort": config.xds.reusePort,
    "xds.tls": config.xds.tls,
    "xds.tokens": config.xds.tokens,
    "xds.syncTimeout": config.xds.syncTimeoutMs,
    "xds.clusterTtl": config.xds.clusterTtlMs,
    "admin.listen": config.admin.listen,
    "log.format": config.log.format,
    "dns.listen": config.dns?.listen,
    "dns.limits": config.dns?.limits,
    state: config.state,
  });
  const old = parts(before);
  return Object.entries(parts(after)).flatMap(([path, value]) => (isDeepStrictEqual(old[path], value) ? [] : [path]));
}
