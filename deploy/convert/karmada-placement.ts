/** Karmada's Placement, where it has a counterpart. Pure. */
import { isJsonObject, type Json, type JsonObject, listAt, ownValue, textAt, valueAt } from "../json/value.ts";
import { defined } from "./output.ts";
import type { Source } from "./source.ts";

type Path = readonly (string | number)[];
const AT = ["spec", "placement"] as const;
/** Fields of clusters that have a label of Kubernetes here. */
const FIELD_LABELS: Readonly<Record<string, string>> = {
  region: "topology.kubernetes.io/region",
  zone: "topology.kubernetes.io/zone",
};

/** Without any affinity it is every cluster. */
export function placementOf(policy: Source): JsonObject {
  const groups = listAt(policy.value, ...AT, "clusterAffinities").map((one, index) => {
    const at = [...AT, "clusterAffinities", index];
    policy.take(...at, "affinityName");
    return { name: textAt(one, "affinityName") ?? `group-${index + 1}`, ...affinityOf(policy, at) };
  });
  return defined({
    ...(groups.length > 0 ? { groups } : affinityOf(policy, [...AT, "clusterAffinity"])),
    tolerations: tolerationsOf(policy),
    spread: spreadOf(policy),
  });
}

/** Names and a selector together mean both there; here names win, so that is noted. */
export function affinityOf(policy: Source, at: Path): JsonObject {
  const affinity = valueAt(policy.value, at);
  const [names, labels] = ["clusterNames", "labelSelector"].map((key) => policy.take(...at, key));
  const excluded = listAt(policy.take(...at, "exclude")).filter((name) => typeof name === "string");
  const fields = listAt(affinity, "fieldSelector", "matchExpressions").flatMap((one, index) =>
    fieldOf(policy, [...at, "fieldSelector", "matchExpressions", index], one),
  );
  const expressions = [...listAt(labels, "matchExpressions"), ...fields];
  const selecting = labels !== undefined || expressions.length > 0;
  if (Array.isArray(names) && names.length > 0) {
    if (selecting)
      policy.note(at, "names and selectors must both hold there; here the names win: take out what the selectors would");
    return { clusters: names.filter((name) => !excluded.includes(name as string)) };
  }
  if (excluded.length > 0)
    policy.note(
      [...at, "exclude"],
      `no counterpart beside a selector: label or taint ${excluded.join(", ")} so that it does not match`,
    );
  const matchLabels = ownValue(labels, "matchLabels");
  return { clusterSelector: defined({ matchLabels, matchExpressions: expressions.length > 0 ? expressions : undefined }) };
}

function fieldOf(policy: Source, at: Path, expression: Json): readonly JsonObject[] {
  const key = FIELD_LABELS[textAt(expression, "key") ?? ""];
  const operator = textAt(expression, "operator");
  policy.take(...at);
  if (key !== undefined && (operator === "In" || operator === "NotIn"))
    return [defined({ key, operator, values: ownValue(expression, "values") })];
  policy.note(at, "no counterpart: label the clusters with it and select by that label");
  return [];
}

function tolerationsOf(policy: Source): Json | undefined {
  const given = listAt(policy.take(...AT, "clusterTolerations")).filter(isJsonObject);
  const kept = given.filter((one) => one["effect"] !== "PreferNoSchedule");
  if (kept.length < given.length)
    policy.note([...AT, "clusterTolerations"], "clusters have no PreferNoSchedule taints here: it is left out");
  return kept.length > 0 ? kept : undefined;
}

/** One spread: over regions and the like before that over clusters, as it is decided there. */
function spreadOf(policy: Source): Json | undefined {
  const constraints = listAt(policy.value, ...AT, "spreadConstraints").map((one, index) => {
    const at = [...AT, "spreadConstraints", index];
    policy.take(...at);
    const by = textAt(one, "spreadByLabel") ?? textAt(one, "spreadByField") ?? "cluster";
    return { at, by, spread: defined({ by, minGroups: ownValue(one, "minGroups") ?? 1, maxGroups: ownValue(one, "maxGroups") }) };
  });
  const chosen = constraints.find(({ by }) => by !== "cluster") ?? constraints[0];
  for (const one of constraints)
    if (one !== chosen) policy.note(one.at, `no counterpart beside the spread by ${chosen?.by ?? ""}: only one is kept`);
  return chosen?.spread;
}
