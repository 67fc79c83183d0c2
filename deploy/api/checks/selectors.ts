/** Selectors, tolerations and spread that can be read in one way only. */
import type { Path } from "../../../src/kernel/text.ts";
import type { Selector } from "../schema/common.ts";
import type { Toleration } from "../schema/placement.ts";
import { type Check, reportRepeated, reportSameNames } from "./check.ts";

export function checkPlacement(check: Check): void {
  const { clusters, clusterSelector, groups, tolerations, spread } = check.workload.spec.placement;
  const path = ["spec", "placement"];
  reportRepeated(check, [...path, "clusters"], clusters, "cluster");
  checkSelector(check, [...path, "clusterSelector"], clusterSelector);
  reportSameNames(check, [...path, "groups"], groups, "group");
  if (groups.length > 0 && (clusters !== undefined || clusterSelector !== undefined))
    check.report([...path, "groups"], "cannot stand beside clusters or clusterSelector: put those into a group");
  for (const [index, group] of groups.entries()) {
    reportRepeated(check, [...path, "groups", index, "clusters"], group.clusters, "cluster");
    checkSelector(check, [...path, "groups", index, "clusterSelector"], group.clusterSelector);
    if (group.clusters === undefined && group.clusterSelector === undefined)
      check.report([...path, "groups", index], "chooses nothing: give clusters or clusterSelector ({} means every cluster)");
  }
  for (const [index, toleration] of tolerations.entries()) checkToleration(check, [...path, "tolerations", index], toleration);
  if (spread?.maxGroups !== undefined && spread.maxGroups < spread.minGroups)
    check.report([...path, "spread", "maxGroups"], `is ${spread.maxGroups}, below minGroups, which is ${spread.minGroups}`);
}

/** Every expression has the values that its operator takes. */
export function checkSelector(check: Check, path: Path, selector: Selector | undefined): void {
  for (const [index, { operator, values }] of (selector?.matchExpressions ?? []).entries()) {
    const at = [...path, "matchExpressions", index, "values"];
    const count = values?.length ?? 0;
    if (operator === "Exists" || operator === "DoesNotExist") {
      if (count > 0) check.report(at, `${operator} takes no values`);
    } else if (count === 0) check.report(at, `${operator} needs values`);
    else if ((operator === "Gt" || operator === "Lt") && !(count === 1 && /^-?\d{1,15}$/.test(values?.[0] ?? "")))
      check.report(at, `${operator} takes exactly one value, a whole number in quotes`);
  }
}

function checkToleration(check: Check, path: Path, { key, operator, value, effect, tolerationSeconds }: Toleration): void {
  if (operator === "Exists" && value !== undefined) check.report([...path, "value"], "Exists takes no value");
  if (operator !== "Exists" && (key ?? "") === "")
    check.report(path, "a toleration without a key endures every taint: say `operator: Exists` if that is meant");
  if (tolerationSeconds !== undefined && effect !== "NoExecute")
    check.report([...path, "tolerationSeconds"], "counts only with `effect: NoExecute`");
}
