/**
 * How a service is named to a gateway that sees nothing of a connection but its server name (SNI): our own way, Istio's
 * and Consul's. Pure. Sources: Istio's DNS-SRV subset keys (`outbound_.<port>_.<subset>_.<host>`); Consul's
 * `<subset>.<service>.<namespace>.<datacenter>.internal.<trust domain>` and, for peers, `….external.<trust domain>`.
 */
import type { ServiceKey, ServicePort } from "../model/service.ts";

/** What a server name asks for. A name can be read in several ways where names have dots: each is one of these. */
export interface SniTarget {
  readonly key: ServiceKey;
  /** Name or number; undefined: the service's only or first port. */
  readonly port: string | undefined;
  /** A cluster, or a version: instances that are neither are not meant. Undefined: all of them. */
  readonly subset: string | undefined;
  /** The network it is to leave the gateway for; undefined: it stays in the gateway's own. */
  readonly via: string | undefined;
}

export interface OwnSni {
  readonly key: ServiceKey;
  readonly port: ServicePort["name"];
  readonly cluster?: string | undefined;
  /** Asks the client's own gateway to pass it on to this network. */
  readonly via?: string | undefined;
}

/** `<port>.<service>.<namespace>.port.<domain>`, with `.<cluster>.cluster` or `.<network>.via` in place of `.port`. */
export function ownSni({ key, port, cluster, via }: OwnSni, domain: string): string {
  const service = `${port}.${key.name}.${key.namespace}`;
  const kind = via !== undefined ? `${via}.via` : cluster === undefined ? "port" : `${cluster}.cluster`;
  return `${service}.${kind}.${domain}`.toLowerCase();
}

/** Longer names are none: DNS and TLS know no more than 255 bytes. */
const MAX_SNI = 255;
/** More labels than this are not taken apart: every way to divide them is a question to the catalog. */
const MAX_LABELS = 16;

/** All that the name may mean, the likeliest first; empty for what is none of the dialects. */
export function sniTargets(sni: string, domain: string): readonly SniTarget[] {
  if (sni.length > MAX_SNI) return [];
  const name = sni.toLowerCase();
  const istio = /^outbound_\.(\d{1,5})_\.([a-z0-9._-]*)_\.(.+)$/.exec(name);
  if (istio !== null) return istioTargets(istio);
  const consul = /^(.+)\.(internal|external)\.[a-z0-9.-]+$/.exec(name);
  if (consul !== null && !name.endsWith(`.${domain}`)) return consulTargets(consul);
  return name.endsWith(`.${domain}`) ? ownTargets(name.slice(0, -domain.length - 1).split(".")) : [];
}

function istioTargets([, port, subset = "", host = ""]: RegExpExecArray): readonly SniTarget[] {
  const labels = host.split(".");
  const svc = labels.lastIndexOf("svc");
  if (svc < 2 || svc > MAX_LABELS) return [];
  return divided(labels.slice(0, svc)).map((key) => ({ key, port, subset: subset === "" ? undefined : subset, via: undefined }));
}

/** `[<subset>.]<service>.<namespace>.<datacenter>` and `<service>.<namespace>.<partition>.<peer>`. */
function consulTargets([, front = "", kind]: RegExpExecArray): readonly SniTarget[] {
  const labels = front.split(".").slice(0, kind === "internal" ? -1 : -2);
  if (labels.length < 2 || labels.length > MAX_LABELS) return [];
  const whole = divided(labels).map((key) => ({ key, port: undefined, subset: undefined, via: undefined }));
  const [subset, ...rest] = labels;
  if (rest.length < 2) return whole;
  return [...whole, ...divided(rest).map((key) => ({ key, port: undefined, subset, via: undefined }))];
}

function ownTargets(labels: readonly string[]): readonly SniTarget[] {
  if (labels.length < 2 || labels.length > MAX_LABELS) return [];
  const plain = divided(labels).map((key) => ({ key, port: undefined, subset: undefined, via: undefined }));
  const kind = labels.at(-1);
  if (kind === "port") return [...withPort(labels.slice(0, -1), undefined, undefined), ...plain];
  if (kind !== "cluster" && kind !== "via") return plain;
  const targets: SniTarget[] = [];
  for (let end = labels.length - 2; end >= 3; end--) {
    const place = labels.slice(end, -1).join(".");
    targets.push(...withPort(labels.slice(0, end), kind === "cluster" ? place : undefined, kind === "via" ? place : undefined));
  }
  return [...targets, ...plain];
}

function withPort(labels: readonly string[], subset: string | undefined, via: string | undefined): readonly SniTarget[] {
  const targets: SniTarget[] = [];
  for (let split = 1; split <= labels.length - 2; split++) {
    const port = labels.slice(0, split).join(".");
    for (const key of divided(labels.slice(split))) targets.push({ key, port, subset, via });
  }
  return targets;
}

/** Service and namespace out of labels: a namespace without dots first. */
function divided(labels: readonly string[]): readonly ServiceKey[] {
  const keys: ServiceKey[] = [];
  for (let split = labels.length - 1; split >= 1; split--)
    keys.push({ name: labels.slice(0, split).join("."), namespace: labels.slice(split).join(".") });
  return keys;
}

/** Regular expressions (RE2) for every server name, of any dialect, that may mean a service of the pattern. Of constant size. */
export function sniPatterns(match: string, domain: string): readonly string[] {
  const [namespace = "*", name = "*"] = match === "*" ? [] : match.split("/");
  const service = `${glob(name)}\\.${glob(namespace)}`;
  return [
    `([a-z0-9._-]+\\.)?${service}(\\.port|\\.[a-z0-9._-]+\\.cluster|\\.[a-z0-9._-]+\\.via)?\\.${literal(domain)}`,
    `outbound_\\.[0-9]+_\\.[a-z0-9._-]*_\\.${service}\\.svc\\.[a-z0-9._-]+`,
    `([a-z0-9_-]+\\.)?${service}\\.[a-z0-9_-]+(\\.[a-z0-9_-]+)?\\.(internal|external)\\.[a-z0-9._-]+`,
  ];
}

function glob(part: string): string {
  return part.toLowerCase().split("*").map(literal).join("[a-z0-9._-]*");
}

function literal(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9_-]/g, (character) => `\\${character}`);
}
