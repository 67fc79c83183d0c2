/** The validated file to the configuration the bridge runs with. Pure. */
import { resolve as absolute } from "node:path";
import { parseListen } from "../kernel/listen-address.ts";
import { type Path, pathText } from "../kernel/text.ts";
import type { YamlDocument } from "../kernel/yaml-document.ts";
import { locality } from "../model/locality.ts";
import type { Adapter } from "../registry/adapter.ts";
import { DEFAULT_PROTECTION, type ProtectionLimits, type RegistrySettings } from "../registry/settings.ts";
import type { IdentityRule } from "../routing/identity-rule.ts";
import { resolveDns } from "./dns.ts";
import type { Override } from "./overrides.ts";
import type { Origin, ResolvedConfig, ResolvedRegistry, ResolvedSecret, XdsConfig } from "./resolved.ts";
import type { ConfigFile, RegistryEntry } from "./schema.ts";
import { stalenessOf } from "./staleness.ts";
import { milliseconds, resolveTraffic, trafficKeyOf } from "./traffic.ts";

export interface ResolveContext {
  readonly adapters: readonly Adapter[];
  readonly baseDir: string;
  /** The file's name for people, as it goes into origins. */
  readonly fileName: string;
  readonly document: YamlDocument;
  readonly overrides: readonly Override[];
}

const HOLD_FOR = "2m";

/** `file` has passed `validateConfig` for these adapters; otherwise this throws TypeErrors. */
export function resolveConfig(file: ConfigFile, context: ResolveContext): ResolvedConfig {
  const { domain, cluster, network } = file.mesh;
  const traffic = resolveTraffic(file);
  return {
    mesh: { domain, cluster, network, locality: locality(file.mesh.locality) },
    xds: resolveXds(file.xds, context.baseDir),
    admin: { listen: listenOf(file.admin.listen), insecure: file.admin.insecure },
    log: { level: file.log.level, format: file.log.format },
    state: { keep: file.state.keep, dir: file.state.dir === undefined ? undefined : absolute(context.baseDir, file.state.dir) },
    registries: file.registries.map((entry) => resolveRegistry(entry, file, context.adapters)),
    secrets: file.secrets.map((entry) => resolveSecret(entry, context.baseDir)),
    links: { ...file.links, exports: traffic.exports ?? [] },
    dns: resolveDns(file),
    traffic,
    trafficKey: trafficKeyOf(file),
    baseDir: context.baseDir,
    raw: file,
    origins: originsOf(file, context),
  };
}

function listenOf(text: string) {
  const address = parseListen(text);
  if (address === undefined) throw new TypeError(`${text} passed the checks as an address`);
  return address;
}

function resolveXds(
  { listen, tls, identities, tokens, insecure, reusePort, syncTimeout, clusterTtl, clientStatus, recordTo }: ConfigFile["xds"],
  baseDir: string,
): XdsConfig {
  const address = listenOf(listen);
  if (address.kind !== "tcp") throw new TypeError(`${listen} passed the checks as host:port`);
  return {
    listen: address,
    tls: tls && {
      certFile: absolute(baseDir, tls.certFile),
      keyFile: absolute(baseDir, tls.keyFile),
      clientCaFile: tls.clientCaFile === undefined ? undefined : absolute(baseDir, tls.clientCaFile),
    },
    identities: identities.map(resolveIdentity),
    tokens,
    insecure,
    reusePort,
    syncTimeoutMs: milliseconds(syncTimeout),
    clusterTtlMs: clusterTtl === undefined ? undefined : milliseconds(clusterTtl),
    clientStatus,
    recordTo: recordTo === undefined ? undefined : absolute(baseDir, recordTo),
  };
}

function resolveIdentity(entry: ConfigFile["xds"]["identities"][number]): IdentityRule {
  const { spiffe, dns, serviceAccount, role, gateway, namespace, cluster, node } = entry;
  return { spiffe, dns, serviceAccount, role, gateway, namespace, cluster, node };
}

function resolveSecret(entry: ConfigFile["secrets"][number], baseDir: string): ResolvedSecret {
  const path = (file: string | undefined) => (file === undefined ? undefined : absolute(baseDir, file));
  const { name, certFile, keyFile, caFile, directory, kubernetes, clients } = entry;
  return {
    name,
    kubernetes,
    certFile: path(certFile),
    keyFile: path(keyFile),
    caFile: path(caFile),
    directory: path(directory),
    clients,
  };
}

function resolveRegistry(entry: RegistryEntry, { mesh }: ConfigFile, adapters: readonly Adapter[]): ResolvedRegistry {
  const adapter = adapters.find(({ kind }) => kind === entry.kind);
  if (adapter === undefined) throw new TypeError(`${entry.kind} passed the schema as a kind of registry`);
  const own = Object.keys(adapter.schema.properties).filter((key) => Object.hasOwn(entry, key));
  const settings: RegistrySettings = {
    namespace: entry.namespace ?? "default",
    cluster: entry.cluster ?? mesh.cluster,
    network: entry.network ?? mesh.network,
    locality: entry.locality ?? mesh.locality ?? {},
    addresses: { allow: entry.addresses?.allow ?? [], deny: entry.addresses?.deny ?? [] },
    // Its content is written by the operator, who may mean loopback; other registries take entries from anyone.
    trusted: entry.kind === "file",
    holdForMs: milliseconds(entry.holdFor ?? HOLD_FOR),
    protection: protectionOf(entry),
    staleness: stalenessOf(entry),
    // Bridges that wait for each other at the start would wait for ever.
    required: entry.required ?? entry.kind !== "meshbridge",
    naming: {
      serviceName: entry.serviceName,
      serviceNamespace: entry.serviceNamespace,
      hostNames: entry.hostNames ?? [],
    },
  };
  return {
    name: entry.name,
    kind: entry.kind,
    adapter,
    config: Object.fromEntries(own.map((key) => [key, entry[key]])),
    settings,
  };
}

/** What the operator writes by hand is meant, also when it removes much at once. */
function protectionOf({ kind, protection = {} }: RegistryEntry): ProtectionLimits | undefined {
  if (!(protection.enabled ?? kind !== "file")) return undefined;
  const { share, count, service, window } = protection;
  return {
    share: share === undefined ? DEFAULT_PROTECTION.share : share / 100,
    count: count ?? DEFAULT_PROTECTION.count,
    service: service ?? DEFAULT_PROTECTION.service,
    windowMs: window === undefined ? DEFAULT_PROTECTION.windowMs : milliseconds(window),
  };
}

/** Every single value of the file, with lists of single values counted as one. */
export function leavesOf(value: unknown, path: Path = []): readonly { readonly path: Path; readonly value: unknown }[] {
  if (Array.isArray(value) && value.some((item) => typeof item === "object" && item !== null))
    return value.flatMap((item, index) => leavesOf(item, [...path, index]));
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.entries(value).flatMap(([key, child]) => leavesOf(child, [...path, key]));
  return [{ path, value }];
}

function originsOf(file: ConfigFile, { document, overrides, fileName }: ResolveContext): ReadonlyMap<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const { path } of leavesOf(file)) {
    const text = pathText(path);
    const override = overrides.findLast((one) => pathText(one.path) === text);
    if (override !== undefined) origins.set(text, { kind: override.kind, name: override.name });
    else if (isWritten(document.value, path)) {
      const { line, column } = document.positionOf(path, "value");
      origins.set(text, { kind: "file", name: `${fileName}:${line}:${column}` });
    } else origins.set(text, { kind: "default", name: "" });
  }
  return origins;
}

function isWritten(value: unknown, path: Path): boolean {
  let at = value;
  for (const part of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return false;
    at = (at as Readonly<Record<string | number, unknown>>)[part];
  }
  return true;
}
