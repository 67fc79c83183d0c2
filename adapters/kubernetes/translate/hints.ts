/**
 * Topology: whom the control plane wants to serve which zone or node (KEP-2433, KEP-3015), and what the Service asks for
 * (KEP-4444). Both become labels; whether traffic follows them is for routing.
 */
import { compareText } from "../../../src/kernel/compare.ts";
import { quoted } from "../../../src/kernel/text.ts";
import type { KubeService } from "../objects.ts";
import type { Rejections } from "./rejections.ts";
import type { Copy } from "./types.ts";

/** Label of an instance: names of zones, sorted, with `,` between. */
const HINT_ZONES = "meshbridge.io/hint-zones";
/** Label of an instance: names of nodes, sorted, with `,` between. */
const HINT_NODES = "meshbridge.io/hint-nodes";
/** Label of a group: `PreferSameZone` or `PreferSameNode`. */
export const TRAFFIC_DISTRIBUTION = "meshbridge.io/traffic-distribution";

export interface CompleteHints {
  readonly zones: boolean;
  readonly nodes: boolean;
}

/**
 * Hints count only if every ready endpoint of the Service carries them: a client that followed half of them would leave the
 * others without traffic. What is not ready has none to carry (kube-proxy skips it likewise). Zones and nodes count each
 * for itself. Without a ready endpoint there is nothing to follow.
 */
export function completeHints(copies: readonly Copy[]): CompleteHints {
  const ready = copies.filter(({ standing }) => standing === "ready");
  return {
    zones: ready.length > 0 && ready.every(({ endpoint }) => endpoint.hintZones.length > 0),
    nodes: ready.length > 0 && ready.every(({ endpoint }) => endpoint.hintNodes.length > 0),
  };
}

export function hintLabels({ endpoint }: Copy, complete: CompleteHints): readonly (readonly [string, string])[] {
  const { hintZones, hintNodes } = endpoint;
  return [
    ...(complete.zones && hintZones.length > 0 ? [[HINT_ZONES, listText(hintZones)] as const] : []),
    ...(complete.nodes && hintNodes.length > 0 ? [[HINT_NODES, listText(hintNodes)] as const] : []),
  ];
}

const BY_VALUE: ReadonlyMap<string, string> = new Map([
  ["preferclose", "PreferSameZone"],
  ["prefersamezone", "PreferSameZone"],
  ["prefersamenode", "PreferSameNode"],
]);
const ISTIO_ANNOTATION = "networking.istio.io/traffic-distribution";

/** The field wins over Istio's annotation. Undefined: any endpoint is as good as another. */
export function trafficDistribution(service: KubeService, rejections: Rejections): string | undefined {
  const annotation = Object.hasOwn(service.annotations, ISTIO_ANNOTATION) ? service.annotations[ISTIO_ANNOTATION] : undefined;
  for (const [what, value] of [
    ["trafficDistribution", service.trafficDistribution],
    [`annotation ${ISTIO_ANNOTATION}`, annotation],
  ] as const) {
    if (value === undefined || value === "") continue;
    const known = BY_VALUE.get(value.toLowerCase());
    if (known !== undefined) return known;
    if (value.toLowerCase() !== "any") rejections.add(what, `${quoted(value)} is not known: it counts as unset`);
  }
  return undefined;
}

function listText(names: readonly string[]): string {
  return [...new Set(names)].sort(compareText).join(",");
}
