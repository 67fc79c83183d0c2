import assert from "node:assert/strict";
import { test } from "node:test";
import { Value } from "typebox/value";
import { type FederatedWorkload, FederatedWorkloadSchema } from "../api/schema/workload.ts";
import { type JsonObject, numberAt, textAt, valueAt } from "../json/value.ts";
import { cluster } from "../placement/testing.ts";
import { followDependencies, referencesOf } from "./dependencies.ts";
import { keyOf, keyText } from "./object-key.ts";
import { fieldManager, MANAGED_LABEL, marked, REVISION_ANNOTATION } from "./ownership.ts";
import { planWorkload } from "./plan-workload.ts";
import { planHash, type RailInput, railPlan } from "./rails.ts";
import { afterAction, applied, POLICY } from "./testing.ts";
import type { ObservedCluster, PlannedAction } from "./types.ts";
import { revisionOf, wantedIn, workloadKey } from "./wanted.ts";

const WORKLOAD = "shop/web";
const object = (kind: string, name: string, more: JsonObject = {}): JsonObject =>
  marked(
    { apiVersion: kind === "Deployment" ? "apps/v1" : "v1", kind, metadata: { name, namespace: "shop" }, ...more },
    WORKLOAD,
    "r1",
  );
const DEPLOYMENT = object("Deployment", "web", { spec: { template: { spec: { containers: [{ name: "web", image: "x" }] } } } });
const CONFIG = object("ConfigMap", "conf");

function seen(manifests: readonly JsonObject[], parts: Partial<ObservedCluster> = {}): ObservedCluster {
  const objects = new Map(manifests.map((one) => [keyText(keyOf(one)), applied(undefined, one, fieldManager(WORKLOAD))]));
  return { reachable: true, synced: true, missingKinds: new Set(), objects, ...parts };
}

const plan = (wanted: Record<string, readonly JsonObject[]>, observed: Record<string, ObservedCluster>) =>
  planWorkload({
    workload: WORKLOAD,
    policy: POLICY,
    wanted: new Map(Object.entries(wanted)),
    observed: new Map(Object.entries(observed)),
  });
const shown = (actions: readonly PlannedAction[]) =>
  actions.map(({ cluster: where, verb, key, reason }) => `${where} ${verb} ${key.kind} ${reason}`);

function rails(observed: Record<string, ObservedCluster>, parts: Partial<RailInput> = {}): RailInput {
  return {
    observed: new Map(Object.entries(observed)),
    wantedSynced: true,
    ownedObjects: 100,
    maxDeletes: 10,
    maxDeletePercent: 20,
    approvedDeletes: undefined,
    allowLastCopy: false,
    health: () => "Healthy",
    isWorkload: ({ kind }) => kind === "Deployment",
    ...parts,
  };
}

test("creates in the order of need, deletes in the reverse", () => {
  assert.deepEqual(shown(plan({ a: [DEPLOYMENT, CONFIG] }, { a: seen([]) })), [
    "a create ConfigMap Missing",
    "a create Deployment Missing",
  ]);
  assert.deepEqual(shown(plan({}, { a: seen([DEPLOYMENT, CONFIG]) })), [
    "a delete Deployment NotWanted",
    "a delete ConfigMap NotWanted",
  ]);
});

test("one cluster's trouble is its own: a kind it lacks, no connection, an unfilled cache", () => {
  const observed = {
    a: seen([], { missingKinds: new Set(["apps/Deployment"]) }),
    b: seen([], { reachable: false }),
    c: seen([], { synced: false }),
    d: seen([]),
  };
  const actions = plan({ a: [DEPLOYMENT], b: [DEPLOYMENT], c: [DEPLOYMENT], d: [DEPLOYMENT] }, observed);
  assert.deepEqual(shown(actions), [
    "a blocked Deployment KindNotServed",
    "b queued Deployment Unreachable",
    "c held Deployment NotSynced",
    "d create Deployment Missing",
  ]);
});

test("what was applied needs no second plan", () => {
  const objects = new Map<string, JsonObject>();
  for (const action of plan({ a: [DEPLOYMENT, CONFIG] }, { a: seen([]) }))
    afterAction(objects, keyText(action.key), action, fieldManager(WORKLOAD));
  assert.deepEqual(shown(plan({ a: [DEPLOYMENT, CONFIG] }, { a: seen([], { objects }) })), [
    "a none ConfigMap InSync",
    "a none Deployment InSync",
  ]);
});

test("no delete before everything has been read", () => {
  const observed = { a: seen([CONFIG]), b: seen([], { synced: false }), c: seen([CONFIG], { reachable: false, synced: false }) };
  const actions = plan({}, observed);
  assert.deepEqual(shown(railPlan(actions, rails(observed)).actions), [
    "a held ConfigMap NotSynced",
    "c queued ConfigMap Unreachable",
  ]);
  const ready = { ...observed, b: seen([]) };
  assert.deepEqual(shown(railPlan(actions, rails(ready)).actions), [
    "a delete ConfigMap NotWanted",
    "c queued ConfigMap Unreachable",
  ]);
  assert.deepEqual(shown(railPlan(actions, rails(ready, { wantedSynced: false })).actions), [
    "a held ConfigMap NotSynced",
    "c queued ConfigMap Unreachable",
  ]);
});

test("too many deletes ask first, and go when the answer names these very ones", () => {
  const many = Array.from({ length: 11 }, (_, index) => object("ConfigMap", `c${index}`));
  const observed = { a: seen(many) };
  const asked = railPlan(plan({}, observed), rails(observed));
  assert.ok(asked.actions.every(({ verb, reason }) => verb === "held" && reason === "TooManyDeletes"));
  assert.match(asked.ask?.message ?? "", /11 of 100 objects would be deleted in one pass, more than 10/);
  const allowed = railPlan(plan({}, observed), rails(observed, { approvedDeletes: asked.ask?.hash }));
  assert.ok(allowed.ask === undefined && allowed.actions.every(({ verb }) => verb === "delete"));
  const others = { a: seen([...many, object("ConfigMap", "one-more")]) };
  assert.ok(railPlan(plan({}, others), rails(others, { approvedDeletes: asked.ask?.hash })).ask !== undefined);
  const share = railPlan(plan({}, { a: seen([CONFIG]) }), rails({ a: seen([CONFIG]) }, { ownedObjects: 3 }));
  assert.match(share.ask?.message ?? "", /1 of 3 objects .* more than 20 %/);
});

test("the last healthy copy stays", () => {
  const observed = { a: seen([DEPLOYMENT]), b: seen([DEPLOYMENT]) };
  const leavingA = plan({ b: [DEPLOYMENT] }, observed);
  const verbs = (parts: Partial<RailInput>, actions = leavingA) =>
    railPlan(actions, rails(observed, parts)).actions.map(({ verb, reason }) => `${verb} ${reason}`);
  assert.deepEqual(verbs({}), ["delete NotWanted", "none InSync"]);
  for (const health of ["Degraded", "Unknown", "Progressing"] as const)
    assert.deepEqual(verbs({ health: (where) => (where === "b" ? health : "Healthy") }), ["held LastHealthyCopy", "none InSync"]);
  assert.deepEqual(verbs({ health: (where) => (where === "a" ? "Degraded" : "Unknown") }), ["delete NotWanted", "none InSync"]);
  // A placement that has become empty takes both at once.
  assert.deepEqual(verbs({}, plan({}, observed)), ["held LastHealthyCopy", "held LastHealthyCopy"]);
  // Also in the middle of a change, and when they are broken: whoever means it says so.
  for (const health of ["Degraded", "Progressing"] as const)
    assert.deepEqual(verbs({ health: () => health }, plan({}, observed)), ["held LastHealthyCopy", "held LastHealthyCopy"]);
  assert.deepEqual(verbs({ allowLastCopy: true }, plan({}, observed)), ["delete NotWanted", "delete NotWanted"]);
});

test("what the last healthy copy needs stays with it, in its cluster", () => {
  const shared = marked(object("Service", "web"), "shop/api", "r1");
  const observed = { a: seen([DEPLOYMENT, CONFIG, shared]), b: seen([CONFIG]) };
  const actions = plan({}, observed).map((action) =>
    action.key.kind === "Service" ? { ...action, verb: "release" as const, reason: "UsedByOthers" as const } : action,
  );
  const kept = railPlan(actions, rails(observed, { health: (where) => (where === "a" ? "Healthy" : "Unknown") }));
  assert.deepEqual(shown(kept.actions).toSorted(), [
    "a held ConfigMap LastHealthyCopy",
    "a held Deployment LastHealthyCopy",
    "a held Service LastHealthyCopy",
    "b delete ConfigMap NotWanted",
  ]);
});

test("the hash is of what is done, not of the order or the wording", () => {
  const observed = { a: seen([]), b: seen([]) };
  const actions = plan({ a: [DEPLOYMENT], b: [DEPLOYMENT] }, observed);
  assert.equal(planHash(actions), planHash(actions.toReversed().map((action) => ({ ...action, message: "other" }))));
  assert.notEqual(planHash(actions), planHash(actions.slice(1)));
  assert.notEqual(
    planHash(actions),
    planHash(plan({ a: [DEPLOYMENT], b: [object("Deployment", "web", { spec: { replicas: 2 } })] }, observed)),
  );
  assert.equal(planHash([]), planHash(plan({ a: [CONFIG] }, { a: seen([CONFIG]) })));
});

const NEEDY: JsonObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop" },
  spec: {
    template: {
      spec: {
        serviceAccountName: "web",
        imagePullSecrets: [{ name: "pull" }],
        volumes: [
          { name: "a", configMap: { name: "conf" } },
          { name: "b", secret: { secretName: "cert", optional: true } },
          { name: "c", persistentVolumeClaim: { claimName: "data" } },
          { name: "d", projected: { sources: [{ configMap: { name: "more" } }, { secret: { name: "token" } }] } },
        ],
        containers: [
          {
            name: "web",
            envFrom: [{ configMapRef: { name: "env", optional: true } }],
            env: [{ name: "P", valueFrom: { secretKeyRef: { name: "cert", key: "k" } } }],
          },
        ],
        initContainers: [{ name: "init", env: [{ name: "Q", valueFrom: { configMapKeyRef: { name: "conf", key: "k" } } }] }],
      },
    },
  },
};

test("finds what a workload names", () => {
  assert.deepEqual(
    referencesOf(NEEDY).map(({ key, optional }) => `${key.kind}/${key.name}${optional ? "?" : ""}`),
    [
      "ConfigMap/conf",
      "ConfigMap/env?",
      "ConfigMap/more",
      "PersistentVolumeClaim/data",
      "Secret/cert",
      "Secret/pull",
      "Secret/token",
      "ServiceAccount/web",
    ],
  );
  assert.deepEqual(referencesOf({ kind: "ConfigMap" }), []);
});

test("dependencies follow in the order of need, without what is the API server's; missing ones are told", () => {
  const conf = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "conf", namespace: "shop", uid: "u", resourceVersion: "1", managedFields: [] },
    data: { a: "1" },
    status: {},
  };
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "web", namespace: "shop" } };
  const hub = new Map([conf, account].map((one) => [keyText(keyOf(one)), one as JsonObject]));
  const { manifests, missing } = followDependencies([NEEDY], hub);
  assert.deepEqual(
    manifests.map(({ kind }) => kind),
    ["ServiceAccount", "ConfigMap", "Deployment"],
  );
  assert.deepEqual(manifests[1], {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "conf", namespace: "shop" },
    data: { a: "1" },
  });
  assert.deepEqual(
    missing.map(({ name }) => name),
    ["more", "data", "cert", "pull", "token"],
  );
});

test("what follows may name more, and leaves behind what belongs to where it was", () => {
  const account = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "web", namespace: "shop" },
    secrets: [{ name: "web-token" }],
    imagePullSecrets: [{ name: "registry" }],
  };
  const secret = (name: string, type: string) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "shop" },
    type,
  });
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name: "data",
      namespace: "shop",
      annotations: {
        "pv.kubernetes.io/bind-completed": "yes",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        team: "a",
      },
    },
    spec: { volumeName: "pvc-1", accessModes: ["ReadWriteOnce"] },
  };
  const token = secret("token", "kubernetes.io/service-account-token");
  const all = [account, secret("registry", "kubernetes.io/dockerconfigjson"), claim, token];
  const { manifests, missing } = followDependencies([NEEDY], new Map(all.map((one) => [keyText(keyOf(one)), one as JsonObject])));
  assert.deepEqual(
    manifests.map(({ kind, metadata }) => `${kind as string}/${(metadata as { name: string }).name}`),
    ["ServiceAccount/web", "Secret/registry", "PersistentVolumeClaim/data", "Deployment/web"],
  );
  assert.equal(manifests[0]?.["secrets"], undefined);
  assert.deepEqual(manifests[2], {
    ...claim,
    metadata: { name: "data", namespace: "shop", annotations: { team: "a" } },
    spec: { accessModes: ["ReadWriteOnce"] },
  });
  assert.ok(!missing.some(({ name }) => name === "token"), "a token of another cluster is worth nothing here");
});

const VOLUMES: readonly (readonly [volume: JsonObject, found: string])[] = [
  [{ azureFile: { secretName: "s" } }, "Secret/s"],
  [{ cephfs: { secretRef: { name: "s" } } }, "Secret/s"],
  [{ csi: { nodePublishSecretRef: { name: "s" } } }, "Secret/s"],
  [{ rbd: { secretRef: { name: "s" } } }, "Secret/s"],
  [{ iscsi: { secretRef: { name: "s" } } }, "Secret/s"],
  [{ emptyDir: {} }, ""],
  [{ projected: { sources: [{ configMap: { name: "kube-root-ca.crt" } }, { serviceAccountToken: { path: "t" } }] } }, ""],
];
for (const [volume, found] of VOLUMES)
  test(`a volume of ${Object.keys(volume).join()} names ${found || "nothing"}`, () => {
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { volumes: [volume], containers: [] } };
    assert.equal(
      referencesOf(pod, "shop")
        .map(({ key }) => `${key.kind}/${key.name}`)
        .join(),
      found,
    );
  });

test("an Ingress names its certificates, in the namespace it will have", () => {
  const ingress = {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "x" },
    spec: { tls: [{ secretName: "c" }] },
  };
  assert.deepEqual(referencesOf(ingress, "shop"), [
    { key: { group: "", kind: "Secret", namespace: "shop", name: "c" }, optional: true },
  ]);
});

function workload(spec: JsonObject): FederatedWorkload {
  const value = {
    apiVersion: "deploy.meshbridge.io/v1alpha1",
    kind: "FederatedWorkload",
    metadata: { name: "web", namespace: "shop" },
    spec: { template: { manifests: [] }, ...spec },
  };
  return Value.Default(FederatedWorkloadSchema, value) as FederatedWorkload;
}

test("what is wanted in a cluster: overrides, replicas, namespace and marks", () => {
  const manifests: JsonObject[] = [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: { template: { spec: { containers: [{ name: "web", image: "web:1" }] } } },
    },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
  ];
  const share = { cluster: "eu-1", replicas: 4, pending: 1, why: [] };
  const input = {
    workload: workload({ overrides: [{ image: { tag: "2" }, patches: [] }] }),
    manifests,
    cluster: cluster("eu-1"),
    share,
    revision: "abc",
    clusterScoped: new Set<string>(),
  };
  const wanted = wantedIn(input);
  assert.ok("manifests" in wanted, JSON.stringify(wanted));
  const [first, second] = wanted.manifests;
  assert.equal(numberAt(first, "spec", "replicas"), 5);
  assert.equal(textAt(first, "spec", "template", "spec", "containers", 0, "image"), "web:2");
  assert.equal(textAt(first, "metadata", "namespace"), "shop");
  assert.equal(textAt(second, "metadata", "namespace"), undefined);
  assert.equal(valueAt(first, ["metadata", "annotations", REVISION_ANNOTATION]), "abc");
  assert.equal(valueAt(first, ["metadata", "labels", MANAGED_LABEL]), "true");
  assert.equal(workloadKey(input.workload), WORKLOAD);
  const clash = wantedIn({
    ...input,
    workload: workload({ overrides: [{ patches: [{ op: "add", path: "/spec/replicas", value: 9 }] }] }),
  });
  assert.match("problems" in clash ? (clash.problems[0]?.message ?? "") : "", /which spec.replicas writes as well/);
  const two = wantedIn({ ...input, manifests: [...manifests, { ...manifests[0], metadata: { name: "api" } } as JsonObject] });
  assert.match("problems" in two ? (two.problems[0]?.message ?? "") : "", /is for one workload, and the template has 2/);
});

test("replicas of a custom kind are written where the kind says", () => {
  const rule = { group: "acme.io", kind: "Widget", scale: "/spec/pool/size", healthy: [{ path: "$.status" }] };
  const widget: JsonObject = {
    apiVersion: "acme.io/v1",
    kind: "Widget",
    metadata: { name: "w" },
    spec: { pool: { colour: "red" } },
  };
  const base = { cluster: cluster("eu-1"), revision: "abc", clusterScoped: new Set<string>(), manifests: [widget] };
  const share = { cluster: "eu-1", replicas: 4, pending: 0, why: [] };
  const wanted = wantedIn({ ...base, share, workload: workload({ interpret: [rule] }) });
  assert.ok("manifests" in wanted, JSON.stringify(wanted));
  assert.deepEqual(wanted.manifests[0]?.["spec"], { pool: { colour: "red", size: 4 } });
  const untold = wantedIn({ ...base, share, workload: workload({}) });
  assert.match("problems" in untold ? (untold.problems[0]?.message ?? "") : "", /nothing that has replicas/);
  const patches = [{ op: "add", path: "/spec/pool/size", value: 9 }];
  const target = { kind: "Widget" };
  const clash = wantedIn({ ...base, share, workload: workload({ interpret: [rule], overrides: [{ target, patches }] }) });
  assert.match("problems" in clash ? (clash.problems[0]?.message ?? "") : "", /writes \/spec\/pool\/size/);
});

test("a revision is of template and overrides alone", () => {
  const [a, b] = [workload({ replicas: { total: 3 } }), workload({ replicas: { total: 9 }, placement: { clusters: ["x"] } })];
  assert.equal(revisionOf(a, [CONFIG]), revisionOf(b, [CONFIG]));
  assert.notEqual(revisionOf(a, [CONFIG]), revisionOf(a, [DEPLOYMENT]));
  assert.notEqual(revisionOf(a, [CONFIG]), revisionOf(workload({ overrides: [{ patches: [], image: { tag: "2" } }] }), [CONFIG]));
});
