/** Labels of groups and instances: what a route may match or a person may look for, and no more. */
import { compareText } from "../../../src/kernel/compare.ts";
import { LIMITS } from "../../../src/registry/sanitise.ts";
import type { KubeService } from "../objects.ts";
import { type CompleteHints, hintLabels, TRAFFIC_DISTRIBUTION } from "./hints.ts";
import type { Copy } from "./types.ts";

/** Labels of an instance. */
const POD_LABEL = "kubernetes.pod";
const NODE_LABEL = "kubernetes.node";
/** A terminating Pod that still serves: what clients fall back on when nothing else is ready (KEP-1669). */
const SERVING_LABEL = "meshbridge.io/serving";
/** Labels of a group. */
const NAMESPACE_LABEL = "kubernetes.namespace";
const EXTERNAL_NAME_LABEL = "kubernetes.external-name";

/** Kept of a Service: far more than anybody routes by, and well under what `sanitise` takes before it drops them all. */
const MAX_SERVICE_LABELS = 64;
/** Written by tools for themselves, and changed by each of their releases. */
const TOOL_PREFIXES = ["helm.sh/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "olm."];

/** Those of the Service, in order of keys up to the bound, then ours. */
export function groupLabels(service: KubeService, distribution: string | undefined): Readonly<Record<string, string>> {
  const own = Object.entries(service.labels)
    .filter(([key]) => key.length <= LIMITS.labelKeyLength && !TOOL_PREFIXES.some((prefix) => key.startsWith(prefix)))
    .sort(([a], [b]) => compareText(a, b))
    .slice(0, MAX_SERVICE_LABELS);
  return Object.fromEntries([
    ...own,
    [NAMESPACE_LABEL, service.namespace],
    ...(service.externalName === undefined ? [] : [[EXTERNAL_NAME_LABEL, service.externalName]]),
    ...(distribution === undefined ? [] : [[TRAFFIC_DISTRIBUTION, distribution]]),
  ]);
}

export function instanceLabels(copy: Copy, complete: CompleteHints): Readonly<Record<string, string>> {
  const { podName, nodeName } = copy.endpoint;
  return Object.fromEntries([
    ...(podName === undefined ? [] : [[POD_LABEL, podName]]),
    ...(nodeName === undefined ? [] : [[NODE_LABEL, nodeName]]),
    ...(copy.standing === "draining" ? [[SERVING_LABEL, "true"]] : []),
    ...hintLabels(copy, complete),
  ]);
}
