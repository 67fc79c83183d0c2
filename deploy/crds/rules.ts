/**
 * A default is checked before those below it are filled in, so what has one may be missing here.
 *
 * What the API server itself refuses beyond the form of fields, as CEL. What takes more than CEL is cheap at (overrides that
 * write one path twice, a stage that takes all that are left) is told by the condition `Valid` of the object. Pure data.
 */
export type Rule = readonly [cel: string, message: string];

export interface Rules extends ReadonlyMap<string, readonly Rule[]> {
  /** Lists whose items have a `name` of their own: each once. */
  readonly keyed: ReadonlySet<string>;
}

const WORKLOAD: readonly (readonly [string, readonly Rule[]])[] = [
  [
    "spec.template",
    [
      [
        "[has(self.manifests), has(self.files), has(self.kustomize), has(self.helm)].filter(one, one).size() == 1",
        "exactly one of manifests, files, kustomize and helm is wanted",
      ],
    ],
  ],
  [
    "spec.rollout.gate",
    [
      ["!has(self.proxies) || has(self.registry)", "proxies needs registry, whose service says which gateways are meant"],
      ["!has(self.freshFor) || duration(self.freshFor) > duration('0s')", "freshFor must be above zero"],
    ],
  ],
  [
    "spec.rollout",
    [
      [
        "!has(self.stages) || !has(self.deadline) || self.stages.all(stage, duration(stage.soak) < duration(self.deadline))",
        "a stage's soak must be below the deadline: no cluster could pass",
      ],
    ],
  ],
  [
    "spec.replicas.when",
    [
      [
        "!has(self.maxMove) || has(self.rebalance) && self.rebalance == 'converge'",
        "maxMove counts only with rebalance: converge",
      ],
    ],
  ],
  [
    "spec.replicas",
    [
      [
        "self.preferences.all(name, !has(self.preferences[name].min) || !has(self.preferences[name].max) || self.preferences[name].min <= self.preferences[name].max)",
        "min must not be above max",
      ],
    ],
  ],
];

const rules = (list: readonly (readonly [string, readonly Rule[]])[], keyed: readonly string[]): Rules =>
  Object.assign(new Map(list), { keyed: new Set(keyed) });

/** By the path of the field. */
export const WORKLOAD_RULES: Rules = rules(WORKLOAD, ["spec.rollout.stages", "spec.placement.groups", "status.clusters"]);
export const CLUSTER_RULES: Rules = rules([], []);
