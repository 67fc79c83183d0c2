import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomKind } from "../api/schema/interpret.ts";
import type { JsonObject } from "../json/value.ts";
import { interpreterOf, kindKey } from "./interpret.ts";
import { containersOf, podSpecPath } from "./pod-template.ts";
import { scalePath } from "./scale.ts";
import type { WorkloadHealth } from "./workload-state.ts";

const read = interpreterOf([]);

function object(kind: string, spec: JsonObject, status: JsonObject, generation = 2): JsonObject {
  const apiVersion = kind === "Job" ? "batch/v1" : kind === "Pod" ? "v1" : kind === "Widget" ? "acme.io/v1" : "apps/v1";
  return { apiVersion, kind, metadata: { name: "x", generation }, spec, status };
}
const done = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 };
const condition = (type: string, status: string, reason = "") => ({ conditions: [{ type, status, reason, message: "m" }] });

const TABLE: readonly (readonly [title: string, object: JsonObject, health: WorkloadHealth])[] = [
  ["all new and available", object("Deployment", { replicas: 3 }, done), "Healthy"],
  ["status of an older generation", object("Deployment", { replicas: 3 }, { ...done, observedGeneration: 1 }), "Progressing"],
  ["no status at all", object("Deployment", { replicas: 3 }, {}), "Progressing"],
  ["not all new", object("Deployment", { replicas: 3 }, { ...done, updatedReplicas: 2 }), "Progressing"],
  ["old ones left", object("Deployment", { replicas: 3 }, { ...done, replicas: 4 }), "Progressing"],
  ["not all available", object("Deployment", { replicas: 3 }, { ...done, availableReplicas: 2 }), "Progressing"],
  ["none wanted", object("Deployment", { replicas: 0 }, { observedGeneration: 2 }), "Healthy"],
  ["one replica by default", object("Deployment", {}, { observedGeneration: 2, updatedReplicas: 1, replicas: 1 }), "Progressing"],
  [
    "deadline exceeded",
    object("Deployment", { replicas: 3 }, { ...done, ...condition("Progressing", "False", "ProgressDeadlineExceeded") }),
    "Degraded",
  ],
  ["Pods refused", object("Deployment", { replicas: 3 }, { ...done, ...condition("ReplicaFailure", "True") }), "Degraded"],
  ["StatefulSet done", object("StatefulSet", { replicas: 3 }, done), "Healthy"],
  [
    "StatefulSet with a partition",
    object("StatefulSet", { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } }, { ...done, updatedReplicas: 1 }),
    "Healthy",
  ],
  [
    "DaemonSet done",
    object("DaemonSet", {}, { observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3 }),
    "Healthy",
  ],
  ["DaemonSet not counted yet", object("DaemonSet", {}, { observedGeneration: 2 }), "Progressing"],
  [
    "DaemonSet updating",
    object("DaemonSet", {}, { observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 1, numberAvailable: 3 }),
    "Progressing",
  ],
  ["Job running", object("Job", {}, { startTime: "t" }), "Progressing"],
  ["Job complete", object("Job", {}, condition("Complete", "True")), "Healthy"],
  ["Job failed", object("Job", {}, condition("Failed", "True")), "Degraded"],
  ["Pod with Ready False", object("Pod", {}, { phase: "Running", ...condition("Ready", "False") }), "Progressing"],
  ["Pod ready", object("Pod", {}, { phase: "Running", ...condition("Ready", "True") }), "Healthy"],
  ["Pod without phase", object("Pod", {}, {}), "Unknown"],
  [
    "a custom kind by its condition",
    object("Widget", {}, { observedGeneration: 2, ...condition("Ready", "False") }),
    "Progressing",
  ],
  ["a custom kind with Ready Unknown", object("Widget", {}, condition("Ready", "Unknown")), "Unknown"],
  [
    "a custom kind with an old status",
    object("Widget", {}, { observedGeneration: 1, ...condition("Ready", "True") }),
    "Progressing",
  ],
  ["an object without conditions", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } }, "Healthy"],
];
for (const [title, given, health] of TABLE)
  test(`${String(given["kind"])}: ${title} is ${health}`, () => assert.equal(read(given).health, health));

test("a configured kind is read by its paths, for every version of its group", () => {
  const widgets = interpreterOf([
    {
      group: "acme.io",
      kind: "Widget",
      replicas: "$.spec.size",
      readyReplicas: "$.status.up",
      healthy: [{ path: "$.status.conditions[?@.type=='Up'].status", equals: "True" }, { path: "$.status.url" }],
      degraded: [{ path: "$.status.phase", equals: "Broken" }],
    },
  ]);
  const widget = (status: JsonObject) => widgets(object("Widget", { size: 3 }, { up: 2, ...status }));
  assert.deepEqual(widget({ ...condition("Up", "True"), url: "x" }), {
    health: "Healthy",
    message: "all its conditions hold",
    current: true,
    desired: 3,
    updated: undefined,
    ready: 2,
  });
  assert.equal(widget(condition("Up", "True")).message, "$.status.url does not hold");
  assert.equal(widget({ phase: "Broken", ...condition("Up", "True"), url: "x" }).health, "Degraded");
  assert.equal(widget({ observedGeneration: 1, ...condition("Up", "True"), url: "x" }).health, "Progressing");
});

test("CEL and paths may stand side by side; replicas are where the kind says", () => {
  const rule: CustomKind = {
    group: "acme.io",
    kind: "Widget",
    scale: "/spec/size",
    readyReplicas: "size(object.status.up)",
    message: "'phase ' + object.status.phase",
    healthy: [{ cel: "size(object.status.up) >= object.spec.size" }, { path: "$.status.url" }],
    degraded: [{ cel: "object.status.phase == 'Broken'" }],
  };
  const widgets = interpreterOf([rule]);
  const widget = (status: JsonObject) => widgets(object("Widget", { size: 2 }, status));
  const { health, desired, ready, message } = widget({ up: ["a", "b"], url: "x", phase: "Fine" });
  assert.deepEqual([health, desired, ready, message], ["Healthy", 2, 2, "phase Fine"]);
  assert.equal(widget({ up: ["a"], url: "x" }).message, "size(object.status.up) >= object.spec.size does not hold");
  assert.equal(widget({}).health, "Progressing", "nothing to tell from is not healthy");
  assert.equal(widget({ phase: "Broken" }).health, "Degraded");
  assert.deepEqual(scalePath(object("Widget", {}, {}), [rule]), ["spec", "size"]);
  assert.equal(scalePath(object("Widget", {}, {}), []), undefined);
  assert.deepEqual(scalePath(object("Deployment", { template: { spec: { containers: [] } } }, {}), [rule]), ["spec", "replicas"]);
});

test("a path that is none is refused when it is configured", () => {
  assert.throws(
    () => interpreterOf([{ group: "", kind: "X", healthy: [{ path: "$.a[" }], degraded: [] }]),
    /\$\.a\[ is no JSON path/,
  );
});

test("finds Pod templates and their containers", () => {
  const containers = [{ name: "a" }];
  assert.deepEqual(podSpecPath({ kind: "Pod", apiVersion: "v1" }), ["spec"]);
  assert.deepEqual(podSpecPath({ kind: "CronJob", spec: { jobTemplate: { spec: { template: { spec: { containers } } } } } }), [
    "spec",
    "jobTemplate",
    "spec",
    "template",
    "spec",
  ]);
  assert.equal(podSpecPath({ kind: "Service", spec: {} }), undefined);
  const found = containersOf({ spec: { template: { spec: { containers, initContainers: [{ name: "i" }] } } } });
  assert.deepEqual(
    found.map(({ name, path }) => [name, path.at(-2)]),
    [
      ["a", "containers"],
      ["i", "initContainers"],
    ],
  );
  assert.equal(kindKey({ apiVersion: "v1", kind: "Pod" }), "/Pod");
});
