/** The generated CustomResourceDefinitions, in a real API server: taken, and refusing what they say they refuse. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { customResourceDefinitions } from "../../deploy/crds/crds.ts";
import { type JsonObject, listAt, textAt, valueAt } from "../../deploy/json/value.ts";
import { eventually } from "../support/eventually.ts";
import { type Cluster, startKubernetes } from "../support/kubernetes.ts";
import type { KubernetesObject } from "../support/kubernetes-api.ts";
import { requireServers } from "../support/require-server.ts";

const EXAMPLES = new URL("../../examples/deploy/", import.meta.url);
const { skip } = requireServers("etcd", "kubernetes");
const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const GROUP = "/apis/deploy.meshbridge.io/v1alpha1";
const WEB = `${GROUP}/namespaces/default/federatedworkloads`;

describe("the CustomResourceDefinitions in a real API server", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let hub: Cluster;
  let web: JsonObject;
  const create = (object: unknown) => hub.api.send<JsonObject>("POST", `${WEB}?fieldValidation=Strict`, object);
  /** The example with other parts of its spec. */
  const withSpec = (name: string, spec: object) => ({
    ...web,
    metadata: { name, namespace: "default" },
    spec: { ...(web["spec"] as JsonObject), ...spec },
  });

  before(async () => {
    hub = (await startKubernetes({ clusters: ["ct-hub"] }, scope)).cluster("ct-hub");
    for (const crd of customResourceDefinitions()) await hub.api.apply(crd as unknown as KubernetesObject);
    for (const crd of customResourceDefinitions()) {
      const name = textAt(crd, "metadata", "name") ?? "";
      await eventually(`${name} is served`, async () => {
        const conditions = listAt(await hub.api.send<JsonObject>("GET", `${CRDS}/${name}`), "status", "conditions");
        const is = (type: string) =>
          textAt(
            conditions.find((one) => textAt(one, "type") === type),
            "status",
          );
        assert.deepEqual([is("Established"), is("NonStructuralSchema")], ["True", undefined], JSON.stringify(conditions));
      });
    }
    web = parse(await readFile(new URL("web.yaml", EXAMPLES), "utf8")) as JsonObject;
  });
  after(() => scope.disposeAsync());

  test("what the example says is taken, with defaults, and kept whole", async () => {
    const made = await create(withSpec("web", {}));
    assert.deepEqual(valueAt(made, ["spec", "template"]), valueAt(web, ["spec", "template"]));
    assert.deepEqual(valueAt(made, ["spec", "rollout"]), {
      stages: [],
      gate: { workload: "ready", freshFor: "30s" },
      deadline: "10m",
      drain: "10s",
      maxFailures: 0,
      onFailure: "pause",
    });
    const fleet = parse(await readFile(new URL("clusters.yaml", EXAMPLES), "utf8")) as { items: JsonObject[] };
    for (const cluster of fleet.items) await hub.api.send("POST", `${GROUP}/clusters?fieldValidation=Strict`, cluster);
  });

  const canary = { name: "canary", soak: "1m" };
  for (const [what, spec, pattern] of [
    ["two kinds of template", { template: { manifests: [], files: ["web.yaml"] } }, /exactly one of manifests/],
    ["no template", { template: {} }, /exactly one of manifests/],
    ["proxies without a registry", { rollout: { gate: { proxies: "acked" } } }, /proxies needs registry/],
    ["a soak as long as the deadline", { rollout: { deadline: "1m", stages: [canary] } }, /must be below the deadline/],
    ["two stages of one name", { rollout: { stages: [canary, canary] } }, /[Dd]uplicate/],
    ["a bad duration", { rollout: { deadline: "soon" } }, /deadline/],
    ["more at least than at most", { replicas: { total: 1, preferences: { a: { min: 3, max: 2 } } } }, /min must not be above/],
    ["maxMove while steady", { replicas: { total: 1, when: { maxMove: 1 } } }, /rebalance: converge/],
    ["neither number nor percentage", { rollout: { stages: [{ ...canary, maxConcurrency: "many" }] } }, /maxConcurrency/],
    ["an unknown field", { rollout: { stage: [] } }, /unknown field/],
  ] as const)
    test(`refused by the API server itself: ${what}`, async () => {
      await assert.rejects(create(withSpec("bad", spec)), pattern);
    });

  test("status is a part of its own: a write of the object leaves it, and one of the status leaves the rest", async () => {
    const made = await create(withSpec("split", {}));
    const status = { observedGeneration: 1, rollout: { anything: { goes: true } } };
    const told = await hub.api.send<JsonObject>("PUT", `${WEB}/split/status`, { ...made, spec: web["spec"], status });
    assert.deepEqual(told["status"], status);
    assert.deepEqual(told["spec"], made["spec"]);
    const again = await hub.api.send<JsonObject>("PUT", `${WEB}/split`, { ...told, status: {} });
    assert.deepEqual(again["status"], status);
  });
});
