import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCluster, parseWorkload, validateWorkload, workloadProblemLines } from "./validate.ts";

const HEAD = "apiVersion: deploy.meshbridge.io/v1alpha1\nkind: FederatedWorkload\nmetadata: { name: web, namespace: shop }\n";
const TEMPLATE = "  template: { manifests: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: a } }] }\n";

function problems(spec: string): string {
  const parsed = parseWorkload(`${HEAD}spec:\n${spec}`);
  return "problems" in parsed ? workloadProblemLines("web.yaml", parsed.problems) : "";
}

test("fills in every default", () => {
  const parsed = parseWorkload(`${HEAD}spec:\n${TEMPLATE}  replicas: { total: 9 }\n`);
  assert.ok("object" in parsed, JSON.stringify(parsed));
  const { spec } = parsed.object;
  assert.deepEqual(spec.placement, { groups: [], tolerations: [] });
  assert.deepEqual(spec.replicas, { total: 9, mode: "divided", by: "weight", preferences: {}, when: { rebalance: "steady" } });
  assert.deepEqual(spec.rollout, {
    stages: [],
    gate: { workload: "ready", freshFor: "30s" },
    deadline: "10m",
    drain: "10s",
    maxFailures: 0,
    onFailure: "pause",
  });
  assert.equal(spec.policy.whenAlreadyExists, "TakeOverIfNoDiff");
});

test("takes the example of the documentation", () => {
  const text = `${TEMPLATE}  placement:
    clusters: [eu-1, us-1]
    clusterSelector: { matchLabels: {}, matchExpressions: [] }
    groups: []
    tolerations: []
    spread: { by: region, minGroups: 2, maxGroups: 3 }
  overrides:
    - { clusters: [us-1], patches: [{ op: replace, path: /spec/template/spec/containers/0/image, value: x }], merge: {}, image: {}, env: {}, args: {} }
  replicas:
    total: 9
    mode: divided
    by: weight
    preferences: { eu-1: { min: 2, max: 8, weight: 2 }, "*": { weight: 1 } }
    when: { rebalance: converge, maxMove: 2 }
  rollout:
    stages: [{ name: canary, clusters: [eu-1], maxConcurrency: 1, soak: 60s, approval: false }, { name: rest, maxConcurrency: 50% }]
    gate: { workload: ready, registry: { service: shop/web, passing: 100% }, proxies: acked, freshFor: 30s }
    deadline: 10m
    maxFailures: 0
    onFailure: rollback
  policy: { whenAlreadyExists: TakeOverIfNoDiff, whenDrifted: Correct, whenDeleted: CleanUp, ignoreFields: [] }
`;
  assert.equal(problems(text), "");
});

const BAD: readonly (readonly [title: string, spec: string, line: RegExp])[] = [
  [
    "CEL that is none",
    `${TEMPLATE}  interpret:\n    - { group: a, kind: B, healthy: [{ cel: "1 +" }] }\n`,
    /^web.yaml:7:45 {2}spec.interpret\[0\].healthy\[0\].cel {2}1 \+ is no CEL expression of a bool/,
  ],
  [
    "a JSON path that is none",
    `${TEMPLATE}  interpret:\n    - { group: a, kind: B, replicas: "$.a[", healthy: [{ path: $.b }] }\n`,
    /^web.yaml:7:38 {2}spec.interpret\[0\].replicas {2}\$\.a\[ is no JSON path/,
  ],
  [
    "a condition of both kinds, and a kind told twice",
    `${TEMPLATE}  interpret:\n    - { group: a, kind: B, healthy: [{ path: $.a, cel: "true" }] }\n    - { group: a, kind: B, healthy: [{ path: $.a }] }\n`,
    /healthy\[0\] {2}needs exactly one of path and cel\n.*interpret\[1\].kind {2}B is told twice/,
  ],
  ["unknown key", `${TEMPLATE}  placment: {}\n`, /^web.yaml:6:3 {2}spec.placment {2}unknown key; did you mean "placement"\?/],
  ["no template", "  placement: {}\n", /spec.template {2}is missing/],
  [
    "two templates",
    "  template: { kustomize: ., files: [a] }\n",
    /exactly one of manifests, files, kustomize, helm, has files and kustomize/,
  ],
  [
    "manifest without name",
    "  template: { manifests: [{ apiVersion: v1, kind: Secret }] }\n",
    /manifests\[0\].metadata.name {2}is missing/,
  ],
  [
    "text for a number",
    `${TEMPLATE}  replicas: { total: nine }\n`,
    /web.yaml:6:22 {2}spec.replicas.total {2}must be a whole number from 0/,
  ],
  [
    "min above max",
    `${TEMPLATE}  replicas: { total: 1, preferences: { a: { min: 3, max: 2 } } }\n`,
    /is 3, above max, which is 2/,
  ],
  [
    "max move without converge",
    `${TEMPLATE}  replicas: { total: 1, when: { maxMove: 2 } }\n`,
    /counts only with `rebalance: converge`/,
  ],
  [
    "groups and names",
    `${TEMPLATE}  placement: { clusters: [a], groups: [{ name: g, clusters: [b] }] }\n`,
    /cannot stand beside clusters/,
  ],
  [
    "cluster twice",
    `${TEMPLATE}  placement: { clusters: [a, a] }\n`,
    /placement.clusters\[1\] {2}the cluster "a" is named twice/,
  ],
  [
    "In without values",
    `${TEMPLATE}  placement: { clusterSelector: { matchExpressions: [{ key: k, operator: In }] } }\n`,
    /In needs values/,
  ],
  ["toleration of all", `${TEMPLATE}  placement: { tolerations: [{ effect: NoExecute }] }\n`, /say `operator: Exists`/],
  [
    "guarded name",
    `${TEMPLATE}  overrides: [{ patches: [{ path: /metadata/name, value: x }] }]\n`,
    /would change \/metadata\/name/,
  ],
  [
    "guarded by parent",
    `${TEMPLATE}  overrides: [{ patches: [{ op: remove, path: /metadata }] }]\n`,
    /would change \/metadata\/name/,
  ],
  [
    "guarded in merge",
    `${TEMPLATE}  overrides: [{ merge: { metadata: { namespace: x } } }]\n`,
    /would change \/metadata\/namespace/,
  ],
  ["patch without value", `${TEMPLATE}  overrides: [{ patches: [{ op: add, path: /spec/x }] }]\n`, /add needs one/],
  ["open stage first", `${TEMPLATE}  rollout: { stages: [{ name: a }, { name: b }] }\n`, /it must be the last stage/],
  [
    "cluster in two stages",
    `${TEMPLATE}  rollout: { stages: [{ name: a, clusters: [x] }, { name: b, clusters: [x] }] }\n`,
    /x is in the stage a already/,
  ],
  ["soak beyond deadline", `${TEMPLATE}  rollout: { deadline: 1m, stages: [{ name: a, soak: 2m }] }\n`, /no cluster could pass/],
  ["proxies alone", `${TEMPLATE}  rollout: { gate: { proxies: acked } }\n`, /needs `registry`/],
  ["not a percentage", `${TEMPLATE}  rollout: { stages: [{ name: a, maxConcurrency: 120% }] }\n`, /percentage from 1% to 100%/],
];
for (const [title, spec, line] of BAD) test(`refuses: ${title}`, () => assert.match(problems(spec), line));

test("tells problems of form and of meaning together", () => {
  const lines = problems(`${TEMPLATE}  replicas: { total: -1 }\n  placement: { clusters: [b, b] }\n`).split("\n");
  assert.equal(lines.length, 2);
});

test("an object from an API server has more metadata and is validated by path", () => {
  const object = {
    apiVersion: "deploy.meshbridge.io/v1alpha1",
    kind: "FederatedWorkload",
    metadata: { name: "web", uid: "u", resourceVersion: "5", generation: 2, managedFields: [] },
    spec: { template: { files: ["a.yaml"] } },
  };
  assert.ok("object" in validateWorkload(object));
  assert.ok("problems" in validateWorkload({ ...object, kind: "Other" }));
  assert.ok("problems" in validateWorkload(null));
});

test("a cluster", () => {
  const text = "apiVersion: deploy.meshbridge.io/v1alpha1\nkind: Cluster\nmetadata: { name: eu-1 }\n";
  const parsed = parseCluster(`${text}spec: { region: eu, taints: [{ key: k, effect: NoExecute }] }\n`);
  assert.ok("object" in parsed);
  assert.equal(parsed.object.spec.unschedulable, false);
  assert.ok("problems" in parseCluster(`${text}spec: { taints: [{ key: k, effect: Never }] }\n`));
});
