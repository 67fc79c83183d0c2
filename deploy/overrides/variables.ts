/** Variables in overrides: `${CLUSTER}`, `${REGION}`, `${ZONE}`, `${PROVIDER}` and `${label:KEY}`. `$${` writes `${`. Pure. */
import { didYouMean, quoted } from "../../src/kernel/text.ts";
import { isJsonObject, type Json, withKey } from "../json/value.ts";
import type { ClusterView } from "../placement/fleet.ts";

const NAMES = ["CLUSTER", "REGION", "ZONE", "PROVIDER"] as const;

/** The text with every variable replaced, or why one has no value: an empty text would be a silent mistake. */
export function expandText(text: string, cluster: ClusterView): { readonly text: string } | { readonly reason: string } {
  let reason: string | undefined;
  const expanded = text.replace(/\$\$\{|\$\{([^}]*)\}/g, (whole, name: string | undefined) => {
    if (name === undefined) return "${";
    const found = variableValue(name, cluster);
    if (found.value === undefined) reason ??= found.reason;
    return found.value ?? whole;
  });
  return reason === undefined ? { text: expanded } : { reason };
}

function variableValue(name: string, cluster: ClusterView): { readonly value?: string | undefined; readonly reason: string } {
  if (name.startsWith("label:")) {
    const key = name.slice("label:".length);
    return { value: cluster.labels.get(key), reason: `cluster ${cluster.name} has no label ${quoted(key)}` };
  }
  switch (name) {
    case "CLUSTER":
      return { value: cluster.name, reason: "" };
    case "REGION":
      return { value: cluster.region, reason: `cluster ${cluster.name} has no region` };
    case "ZONE":
      return { value: cluster.zone, reason: `cluster ${cluster.name} has no zone` };
    case "PROVIDER":
      return { value: cluster.provider, reason: `cluster ${cluster.name} has no provider` };
    default:
      return { reason: `there is no variable ${quoted(name)}${didYouMean(name, NAMES)}; write $\${ for a text that begins so` };
  }
}

/** Every text in the value; keys are left as they are. */
export function expandValue<T extends Json>(value: T, cluster: ClusterView): { readonly value: T } | { readonly reason: string } {
  let reason: string | undefined;
  const walk = (part: Json): Json => {
    if (typeof part === "string") {
      const expanded = expandText(part, cluster);
      if ("text" in expanded) return expanded.text;
      reason ??= expanded.reason;
      return part;
    }
    if (Array.isArray(part)) return part.map((item) => walk(item as Json));
    if (!isJsonObject(part)) return part;
    let copy = {};
    for (const [key, item] of Object.entries(part)) copy = withKey(copy, key, walk(item));
    return copy;
  };
  const expanded = walk(value) as T;
  return reason === undefined ? { value: expanded } : { reason };
}
