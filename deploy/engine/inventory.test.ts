/** Objects of any kind are found when their kind is in no template any more, and are never forgotten before they are gone. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import type { FederatedWorkload } from "../api/schema/workload.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import { inventoryKey } from "../plan/inventory.ts";
import { keyOf } from "../plan/object-key.ts";
import { marked } from "../plan/ownership.ts";
import { planWorkload } from "../plan/plan-workload.ts";
import { railPlan } from "../plan/rails.ts";
import { createEngine } from "./engine.ts";
import { createLiveEngine } from "./live.ts";
import { startMembers } from "./testing.ts";

const WORKLOAD = "shop/web";
const object = (apiVersion: string, kind: string, name: string): JsonObject =>
  marked({ apiVersion, kind, metadata: { name, namespace: "shop" }, spec: {} }, WORKLOAD, "r1");
const WEB = object("apps/v1", "Deployment", "web");
const WIDGET = object("acme.io/v1", "Widget", "w");
const INVENTORY = `configmaps/shop/${inventoryKey(WORKLOAD).name}`;
const POLICY: FederatedWorkload["spec"]["policy"] = {
  whenAlreadyExists: "Fail",
  whenDrifted: "Correct",
  whenDeleted: "CleanUp",
  ignoreFields: [],
  dependencies: "Ignore",
};

async function rig(t: TestContext, kind: "asks" | "live") {
  const { clients, servers } = await startMembers(t, ["a"]);
  const server = servers.get("a") ?? assert.fail();
  const open = () => {
    const stop = new AbortController();
    t.after(() => stop.abort());
    const options = { clients, clock: systemClock, withinMs: 5000 };
    return kind === "asks"
      ? createEngine(options)
      : createLiveEngine({ ...options, signal: stop.signal, changed: () => undefined });
  };
  /** Another engine each time, as after a restart: nothing but what is in the cluster is known. */
  const bring = async (manifests: readonly JsonObject[]) => {
    const engine = open();
    const keys = manifests.map(keyOf);
    const request = { workload: WORKLOAD, keys, main: undefined, demand: undefined };
    const { clusters, ownedObjects, problems } = await engine.observe(request, t.signal);
    assert.deepEqual(problems, []);
    const wanted = new Map([["a", manifests]]);
    const actions = planWorkload({ workload: WORKLOAD, policy: POLICY, observed: clusters, wanted });
    const limits = { maxDeletes: 100, maxDeletePercent: 100, approvedDeletes: undefined, allowLastCopy: true };
    const health = { health: () => "Unknown" as const, isWorkload: () => false };
    const plan = railPlan(actions, { observed: clusters, wantedSynced: true, ownedObjects, ...limits, ...health });
    const outcomes = await engine.apply(plan.actions, { workload: WORKLOAD }, t.signal);
    return outcomes
      .filter(({ result }) => result !== "unchanged")
      .map(({ action, result }) => `${action.verb} ${action.key.kind} ${result}`);
  };
  return { server, bring };
}

for (const kind of ["asks", "live"] as const) {
  test(`${kind}: a kind that left the template is found by the inventory, which leaves with it`, async (t) => {
    const { server, bring } = await rig(t, kind);
    assert.deepEqual(await bring([WEB, WIDGET]), ["create ConfigMap done", "create Widget done", "create Deployment done"]);
    assert.equal(textAt(server.objects.get(INVENTORY), "data", "kinds"), "acme.io/Widget");
    assert.deepEqual(await bring([WEB, WIDGET]), [], "no write when nothing changes");
    assert.deepEqual(await bring([WEB]), ["delete Widget done", "delete ConfigMap done"]);
    assert.deepEqual([...server.objects.keys()], ["deployments/shop/web"]);
    assert.deepEqual(await bring([WEB]), []);
  });

  test(`${kind}: a template of other kinds alone finds what the one before left`, async (t) => {
    const { server, bring } = await rig(t, kind);
    await bring([WIDGET]);
    const gone = await bring([object("about.k8s.io/v1alpha1", "ClusterProperty", "p")]);
    assert.deepEqual(gone.toSorted(), ["create ClusterProperty done", "delete Widget done", "update ConfigMap done"]);
    assert.equal(textAt(server.objects.get(INVENTORY), "data", "kinds"), "about.k8s.io/ClusterProperty\nacme.io/Widget");
  });

  test(`${kind}: what could not be deleted is not forgotten`, async (t) => {
    const { server, bring } = await rig(t, kind);
    await bring([WEB, WIDGET]);
    server.forbid(["widgets"], ["DELETE"]);
    assert.deepEqual(await bring([WEB]), ["delete Widget refused", "delete ConfigMap waiting"]);
    assert.ok(server.objects.has(INVENTORY) && server.objects.has("widgets/shop/w"));
    server.forbid([]);
    assert.deepEqual(await bring([WEB]), ["delete Widget done", "delete ConfigMap done"]);
  });

  test(`${kind}: common kinds need no inventory, and those that may not be read are left out`, async (t) => {
    const { server, bring } = await rig(t, kind);
    server.forbid(["secrets", "services", "serviceaccounts"]);
    assert.deepEqual(await bring([WEB]), ["create Deployment done"]);
    assert.deepEqual([...server.objects.keys()], ["deployments/shop/web"]);
  });
}
