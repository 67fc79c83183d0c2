/**
 * Dubbo, interface level: `root/<interface>/providers/<URL>`, and operators' rules in `…/configurators` (apache/dubbo,
 * `ZookeeperRegistry`). One service for each interface, group and version; the URL is the node's name, its data means nothing.
 */
import { compareText } from "../../../src/kernel/compare.ts";
import type { Rejection } from "../../../src/registry/adapter.ts";
import { applyConfigurators } from "./dubbo-configurators.ts";
import { instanceLabels, protocolOf, serviceLabels, serviceScope } from "./dubbo-labels.ts";
import { type DubboUrl, parseDubboUrl } from "./dubbo-url.ts";
import { cut, decoded } from "./records.ts";
import type { Format, ReadInstance, ReadService, Wanted, ZnodeView } from "./types.ts";

/** Children of the root that are no interfaces. */
export const RESERVED = new Set(["config", "metadata", "mapping"]);
const CATEGORIES = new Set(["providers", "configurators"]);
/** Dubbo's default, `Constants.DEFAULT_WEIGHT`. */
const DEFAULT_WEIGHT = 100;
const DEFAULT_WARMUP_MS = 600_000;

/** `root` without a slash at its end. */
export function dubboFormat(root: string): Format {
  return {
    wants: ([iface, category, ...rest]) => wanted(iface, category, rest.length),
    unitsOf: ([iface]) => (iface === undefined || RESERVED.has(iface) ? [] : [iface]),
    units: (view) => view.children(root).filter((name) => !RESERVED.has(name)),
    read: (unit, view) => readInterface(`${root}/${unit}`, unit, view),
  };
}

function wanted(iface: string | undefined, category: string | undefined, depth: number): Wanted | undefined {
  if (iface === undefined) return { children: true };
  if (RESERVED.has(iface)) return undefined;
  if (category === undefined) return { children: true };
  return CATEGORIES.has(category) && depth === 0 ? { children: true } : undefined;
}

/** One provider's URL, read. */
interface Provider {
  readonly url: DubboUrl;
  readonly port: number;
  readonly group: string;
  readonly version: string;
  readonly record: string;
}

function readInterface(path: string, unit: string, view: ZnodeView): readonly ReadService[] {
  if (view.stat(path) === undefined) return [];
  const rejected: Rejection[] = [];
  const rules = [...view.children(`${path}/configurators`)].sort().flatMap((name) => {
    const url = parseDubboUrl(name);
    if (!("reason" in url)) return [url];
    // It rules nothing, as with Dubbo itself; whoever wrote it should know.
    rejected.push({ record: cut(name), reason: `as a rule: ${url.reason}` });
    return [];
  });
  const services = new Map<string, Provider[]>();
  for (const name of [...view.children(`${path}/providers`)].sort()) {
    const provider = readProvider(name);
    if ("reason" in provider) rejected.push({ record: cut(name), reason: provider.reason });
    else {
      const key = serviceScope(unit, provider.version, provider.group);
      services.set(key, [...(services.get(key) ?? []), provider]);
    }
  }
  const keys = [...services.keys()].sort();
  // What was rejected is of the interface; it is told with its first service, or with an empty one.
  if (keys.length === 0) return [toService(unit, [], { rules, rejected })];
  return keys.map((key, index) => toService(unit, services.get(key) ?? [], { rules, rejected: index === 0 ? rejected : [] }));
}

function readProvider(name: string): Provider | { readonly reason: string } {
  const url = parseDubboUrl(name);
  if ("reason" in url) return url;
  const { parameters, port } = url;
  if ((parameters.get("category") ?? "providers") !== "providers")
    return { reason: `it is of category ${cut(parameters.get("category") ?? "")}` };
  if (parameters.get("enabled") === "false") return { reason: "it is switched off (enabled=false)" };
  if (port === undefined || port < 1 || port > 65_535) return { reason: `port ${port ?? "none"} is not between 1 and 65535` };
  const version = parameters.get("version") ?? "";
  // 0.0.0 is Dubbo's way to say that a service has no version.
  return { url, port, group: parameters.get("group") ?? "", version: version === "0.0.0" ? "" : version, record: name };
}

interface Circumstances {
  readonly rules: readonly DubboUrl[];
  readonly rejected: readonly Rejection[];
}

function toService(unit: string, providers: readonly Provider[], { rules, rejected }: Circumstances): ReadService {
  const iface = decoded(unit);
  const { group = "", version = "" } = providers[0] ?? {};
  const instances = new Map<string, ReadInstance>();
  const off: Rejection[] = [];
  // A provider that was started anew has its old URL beside the new one until the old session ends: the newer counts.
  for (const provider of [...providers].sort((a, b) => startOf(a) - startOf(b))) {
    const instance = toInstance(provider, rules);
    const id = `${provider.url.protocol}://${provider.url.host}:${provider.port}`;
    instances.delete(id);
    if ("reason" in instance) off.push({ record: cut(decoded(provider.record)), reason: instance.reason });
    else instances.set(id, { id, ...instance });
  }
  const protocols = [...new Set(providers.map(({ url }) => url.protocol))].sort();
  return {
    scope: serviceScope(unit, version, group),
    name: iface,
    ports: protocols.map((name) => ({ name, protocol: protocolOf(name) })),
    labels: serviceLabels(iface, group, version),
    instances: [...instances.values()].sort((a, b) => compareText(a.id, b.id)),
    rejected: [...rejected, ...off],
  };
}

function startOf({ url }: Provider): number {
  return numberOf(url.parameters.get("timestamp")) ?? 0;
}

function toInstance(provider: Provider, rules: readonly DubboUrl[]): Omit<ReadInstance, "id"> | { readonly reason: string } {
  const { url, port, group, version } = provider;
  const { host, protocol, parameters } = url;
  const own = numberOf(parameters.get("weight"));
  const application = parameters.get("application") ?? "";
  const itself = { host, port, group, version, application, parameters };
  const { weight = DEFAULT_WEIGHT, disabled } = applyConfigurators(rules, itself, own);
  // A rule may take back what the URL says of itself: Dubbo looks at the URL that the rules have made.
  if (disabled ?? parameters.get("disabled") === "true")
    return { reason: disabled ? "an operator's rule disables it" : "it is switched off (disabled=true)" };
  const startedAt = numberOf(parameters.get("timestamp"));
  const warmupMs = numberOf(parameters.get("warmup")) ?? DEFAULT_WARMUP_MS;
  return {
    host,
    ports: { [protocol]: port },
    // A weight of nothing means that it gets nothing.
    health: weight <= 0 ? "draining" : "healthy",
    weight: Math.max(1, weight),
    ...(startedAt !== undefined && warmupMs > 0 && { warmup: { startedAt, warmupMs } }),
    labels: instanceLabels(parameters),
  };
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}
