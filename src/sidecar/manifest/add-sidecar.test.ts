import assert from "node:assert/strict";
import { test } from "node:test";
import { addSidecar, isWorkload, type Manifest } from "./add-sidecar.ts";

const OPTIONS = { image: "meshbridge:1", config: "cluster: east\n", followsPod: true, drainSeconds: 5 };

function deployment(pod: object): Manifest {
  const spec = { replicas: 2, template: { metadata: { labels: { app: "web" } }, spec: pod } };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "shop" }, spec };
}

const CONTAINERS = { containers: [{ name: "main", image: "web:1" }] };
// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes, looked into at many depths.
const podOf = (objects: readonly Manifest[]): any => (objects.at(-1) as any).spec.template.spec;

test("container, gate, mounts and time to drain are added; what was there stays", () => {
  const added = addSidecar(deployment({ ...CONTAINERS, nodeSelector: { a: "b" } }), OPTIONS);
  assert.deepEqual(
    added.map(({ kind }) => kind),
    ["ConfigMap", "ServiceAccount", "Role", "RoleBinding", "Deployment"],
  );
  const pod = podOf(added);
  assert.deepEqual(pod.readinessGates, [{ conditionType: "meshbridge.io/registered" }]);
  assert.deepEqual([pod.nodeSelector, pod.terminationGracePeriodSeconds, pod.serviceAccountName], [{ a: "b" }, 30, "web"]);
  assert.deepEqual(pod.containers[0].lifecycle, { preStop: { sleep: { seconds: 6 } } });
  assert.equal(pod.initContainers[0].restartPolicy, "Always");
});

test("added again it changes nothing but the account, which is there by then", () => {
  const once = addSidecar(deployment(CONTAINERS), OPTIONS);
  const twice = addSidecar(once.at(-1) ?? {}, OPTIONS);
  assert.deepEqual(twice.at(-1), once.at(-1));
  assert.ok(twice.every(({ kind }) => kind !== "ServiceAccount"));
});

test("the least rights: this namespace's Pods are followed, and their status patched", () => {
  const role = addSidecar(deployment(CONTAINERS), OPTIONS).find(({ kind }) => kind === "Role");
  assert.deepEqual(role?.["rules"], [
    { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
    { apiGroups: [""], resources: ["pods/status"], verbs: ["patch"] },
  ]);
});

test("without the API neither rights nor a gate, which nobody would set", () => {
  const added = addSidecar(deployment(CONTAINERS), { ...OPTIONS, followsPod: false });
  assert.deepEqual(
    added.map(({ kind }) => kind),
    ["ConfigMap", "Deployment"],
  );
  assert.equal(podOf(added).readinessGates, undefined);
});

test("a hook, a longer end and an account of its own are left as they are", () => {
  const hook = { preStop: { exec: { command: ["wait"] } } };
  const own = { serviceAccountName: "own", terminationGracePeriodSeconds: 90 };
  const pod = podOf(addSidecar(deployment({ containers: [{ name: "main", lifecycle: hook }], ...own }), OPTIONS));
  assert.deepEqual([pod.containers[0].lifecycle, pod.serviceAccountName, pod.terminationGracePeriodSeconds], [hook, "own", 90]);
  const long = podOf(addSidecar(deployment(CONTAINERS), { ...OPTIONS, drainSeconds: 60 }));
  assert.equal(long.terminationGracePeriodSeconds, 70);
});

test("what is no workload is told from one", () => {
  assert.ok(isWorkload(deployment(CONTAINERS)));
  for (const object of [{}, { kind: "Service" }, { kind: "Deployment", spec: {} }, { kind: "Deployment", spec: { template: 1 } }])
    assert.equal(isWorkload(object), false);
});
