/** What of Dubbo's words becomes labels, and which protocol its URLs mean. Pure. */
import type { Protocol } from "../../../src/model/service.ts";

/** Labels of a service: what a name template and a route may go by. */
export function serviceLabels(iface: string, group: string, version: string): Readonly<Record<string, string>> {
  return {
    "dubbo.interface": iface,
    ...(group !== "" && { "dubbo.group": group }),
    ...(version !== "" && { "dubbo.version": version }),
  };
}

/** `interface:version:group`, different for any two of them, also where a part has a colon in it. */
export function serviceScope(iface: string, version: string, group: string): string {
  return [iface, version, group].map((part) => part.replaceAll("%", "%25").replaceAll(":", "%3A")).join(":");
}

const MAX_METHODS_LENGTH = 1024;

/** Labels of an instance, from the parameters of its URL. */
export function instanceLabels(parameters: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  const copy = (label: string, ...keys: readonly string[]) => {
    const value = keys.map((key) => parameters.get(key)).find((text) => text !== undefined && text !== "");
    if (value !== undefined) labels[label] = value;
  };
  copy("dubbo.group", "group");
  copy("dubbo.version", "version");
  copy("dubbo.application", "application");
  copy("dubbo.tag", "dubbo.tag", "tag");
  copy("dubbo.serialization", "serialization", "prefer.serialization");
  copy("dubbo.release", "release");
  const methods = parameters.get("methods");
  // A list that is too long is left out whole: half of it would be a lie.
  if (methods !== undefined && methods !== "" && methods !== "*" && methods.length <= MAX_METHODS_LENGTH)
    labels["dubbo.methods"] = methods;
  return labels;
}

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ["tri", "GRPC"],
  ["grpc", "GRPC"],
  ["rest", "HTTP"],
  ["http", "HTTP"],
  ["hessian", "HTTP"],
  ["webservice", "HTTP"],
]);

/** Dubbo's own protocol and whatever else it carries is a stream of bytes to a proxy. */
export function protocolOf(scheme: string): Protocol {
  return PROTOCOLS.get(scheme) ?? "TCP";
}
