/** Taints of clusters and what a workload endures, with the meaning Kubernetes gives them for nodes. Pure. */
import type { Taint } from "../api/schema/cluster.ts";
import type { Toleration } from "../api/schema/placement.ts";

export type TaintVerdict =
  | { readonly verdict: "free" }
  /** NoSchedule, not endured: nothing new, but what runs stays. */
  | { readonly verdict: "closed"; readonly taint: Taint }
  /** NoExecute, not endured or not any more: what runs must leave. */
  | { readonly verdict: "evicted"; readonly taint: Taint }
  /** NoExecute, endured until then (ms since the epoch). */
  | { readonly verdict: "until"; readonly taint: Taint; readonly until: number };

const FREE: TaintVerdict = { verdict: "free" };

/**
 * The strictest of what the taints mean. A NoExecute taint without `timeAdded` counts from now, so that its seconds
 * never run out by a missing field. `now` in ms since the epoch.
 */
export function judgeTaints(taints: readonly Taint[], tolerations: readonly Toleration[], now: number): TaintVerdict {
  let found = FREE;
  for (const taint of taints) {
    const verdict = judge(taint, tolerations, now);
    if (rank(verdict) > rank(found) || (found.verdict === "until" && verdict.verdict === "until" && verdict.until < found.until))
      found = verdict;
  }
  return found;
}

function judge(taint: Taint, tolerations: readonly Toleration[], now: number): TaintVerdict {
  const enduring = tolerations.filter((toleration) => endures(toleration, taint));
  if (taint.effect === "NoSchedule") return enduring.length > 0 ? FREE : { verdict: "closed", taint };
  if (enduring.length === 0) return { verdict: "evicted", taint };
  // As the kubelet's eviction does: the shortest time of all that match counts.
  const seconds = enduring.flatMap(({ tolerationSeconds }) => (tolerationSeconds === undefined ? [] : [tolerationSeconds]));
  if (seconds.length === 0) return FREE;
  const added = taint.timeAdded === undefined ? now : Date.parse(taint.timeAdded);
  const until = (Number.isFinite(added) ? added : now) + Math.min(...seconds) * 1000;
  return until <= now && taint.timeAdded !== undefined ? { verdict: "evicted", taint } : { verdict: "until", taint, until };
}

function endures({ key = "", operator = "Equal", value = "", effect }: Toleration, taint: Taint): boolean {
  if (effect !== undefined && effect !== taint.effect) return false;
  if (key === "") return operator === "Exists";
  return key === taint.key && (operator === "Exists" || value === (taint.value ?? ""));
}

function rank({ verdict }: TaintVerdict): number {
  return ["free", "until", "closed", "evicted"].indexOf(verdict);
}

/**
 * `key=value:NoExecute` or `key:NoSchedule`, as kubectl takes it; a `-` at the end takes the taint of that key and effect off.
 * Undefined when it is of another form.
 */
export function parseTaint(text: string): { readonly taint: Taint; readonly off: boolean } | undefined {
  const [, key, value, effect, off] = /^([^=:\s]{1,253})(?:=([^:\s]{0,63}))?:(NoSchedule|NoExecute)(-?)$/.exec(text) ?? [];
  if (key === undefined || effect === undefined) return undefined;
  const taint = { key, ...(value !== undefined && { value }), effect: effect as Taint["effect"] };
  return { taint, off: off === "-" };
}

/** `key=value:NoSchedule`, as kubectl writes it. */
export function taintText({ key, value, effect }: Taint): string {
  return `${key}${value === undefined || value === "" ? "" : `=${value}`}:${effect}`;
}
