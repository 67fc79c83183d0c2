/**
 * Which clusters names and labels choose. As Kubernetes' label selectors, with Gt and Lt as for nodes; names win over
 * the selector. Pure.
 */
import type { MatchExpression, Selector } from "../api/schema/common.ts";
import type { ClusterView } from "./fleet.ts";

/** Undefined when the cluster is chosen, else why it is not, as one sentence. */
export type Choice = (cluster: ClusterView) => string | undefined;

/**
 * Names given: these alone, an empty list nobody. Else the selector: `{}` everybody. Neither: nobody.
 * (KubeFed's table of placement, which users know.)
 */
export function choiceOf(names: readonly string[] | undefined, selector: Selector | undefined): Choice {
  if (names !== undefined) {
    const wanted = new Set(names);
    const why = wanted.size === 0 ? "the list of clusters is empty" : "not in the list of clusters";
    return ({ name }) => (wanted.has(name) ? undefined : why);
  }
  if (selector === undefined) return () => "neither clusters nor a selector is given";
  return selectorChoice(selector);
}

/** Every label and every expression must match. */
function selectorChoice(selector: Selector): Choice {
  const labels = Object.entries(selector.matchLabels ?? {});
  const expressions = (selector.matchExpressions ?? []).map(expressionChoice);
  return (cluster) => {
    for (const [key, value] of labels) {
      const has = cluster.labels.get(key);
      if (has !== value) return has === undefined ? `has no label ${key}` : `its label ${key} is ${has}, not ${value}`;
    }
    for (const expression of expressions) {
      const why = expression(cluster);
      if (why !== undefined) return why;
    }
    return undefined;
  };
}

function expressionChoice({ key, operator, values = [] }: MatchExpression): Choice {
  const wanted = new Set(values);
  const bound = Number(values[0]);
  const matches = (value: string | undefined): boolean => {
    switch (operator) {
      case "In":
        return value !== undefined && wanted.has(value);
      case "NotIn":
        return value === undefined || !wanted.has(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      case "Gt":
        return isWhole(value) && Number(value) > bound;
      case "Lt":
        return isWhole(value) && Number(value) < bound;
    }
  };
  const rule = `label ${key} ${operator}${values.length === 0 ? "" : ` ${values.join(", ")}`}`;
  return ({ labels }) => {
    const value = labels.get(key);
    return matches(value) ? undefined : `${rule} does not hold: ${value === undefined ? "it has none" : `it is ${value}`}`;
  };
}

function isWhole(value: string | undefined): value is string {
  return value !== undefined && /^-?\d{1,15}$/.test(value);
}
