import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { eventually } from "../../test/support/eventually.ts";
import { renew } from "../cli/clusters.ts";
import { putInHub } from "../clusters/hub.ts";
import { readFleet } from "../clusters/join.ts";
import { tokenIn, withToken } from "../clusters/kubeconfig.ts";
import { startMembers } from "../engine/testing.ts";
import { type Json, type JsonObject, listAt, textAt, valueAt } from "../json/value.ts";
import { FINALIZER } from "./kinds.ts";
import { runController } from "./run.ts";

const MEMBERS = ["a", "b"];
const WORKLOAD = "federatedworkloads/shop/web";
const WEB = "deployments/shop/web";
const IMAGE = ["spec", "template", "spec", "containers", 0, "image"];
const API = "deploy.meshbridge.io/v1alpha1";

function workload(image: string, more: JsonObject = {}): JsonObject {
  const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image }] } };
  const spec = { replicas: 1, selector: { matchLabels: { app: "web" } }, template };
  const manifests: Json = [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec: spec }];
  const rollout: Json = { gate: { workload: "applied" }, stages: [{ name: "first", clusters: ["a"] }, { name: "rest" }] };
  return {
    apiVersion: API,
    kind: "FederatedWorkload",
    metadata: { name: "web", namespace: "shop" },
    spec: { template: { manifests }, placement: { clusterSelector: {} }, rollout, ...more },
  };
}

async function rig(t: TestContext) {
  const { clients, servers, dir } = await startMembers(t, ["hub", ...MEMBERS]);
  const server = (name: string) => servers.get(name) ?? assert.fail(name);
  for (const name of MEMBERS) {
    const text = await readFile(join(dir, `${name}.kubeconfig`), "utf8");
    const data = { kubeconfig: Buffer.from(text).toString("base64") };
    server("hub").put(`secrets/system/${name}`, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: "system" },
      data,
    });
    const spec = { secretRef: { name, namespace: "system" } };
    server("hub").put(`clusters//${name}`, { apiVersion: API, kind: "Cluster", metadata: { name }, spec });
  }
  const start = () => {
    const ending = new AbortController();
    const running = runController({
      hub: clients.get("hub") ?? assert.fail("hub"),
      ...{ namespace: "system", lease: "deploy", identity: `test-${Math.random()}`, leaseMs: 1000, bridges: [] },
      listen: { host: "127.0.0.1", port: 0 },
      allow: ["http", "insecure-skip-tls-verify"],
      limits: { maxDeletes: 100, maxDeletePercent: 50 },
      ...{ withinMs: 2000, clock: systemClock, random: Math.random, log: silentLog, signal: ending.signal },
    });
    const stop = async () => {
      ending.abort(new Error("the test ends it"));
      await running;
    };
    t.after(stop);
    return stop;
  };
  const status = (...path: string[]) => valueAt(server("hub").objects.get(WORKLOAD), ["status", ...path]);
  const condition = (type: string) =>
    textAt(
      listAt(status("conditions")).find((one) => textAt(one, "type") === type),
      "status",
    );
  const values = () => MEMBERS.map((name) => valueAt(server(name).objects.get(WEB), IMAGE));
  const done = (value: string) =>
    eventually(`it is rolled out as ${value}`, () => {
      assert.deepEqual(
        [status("rollout", "rollout", "phase"), values()],
        ["Succeeded", [value, value]],
        JSON.stringify(status()),
      );
    });
  const hub = { client: clients.get("hub") ?? assert.fail("hub"), namespace: "system" };
  return { server, start, status, condition, values, done, hub, dir };
}

test("what the hub declares comes into the members, stage by stage, and its status says so", async (t) => {
  const { server, start, condition, done } = await rig(t);
  server("hub").put(WORKLOAD, workload("one"));
  start();
  await done("one");
  await eventually("it is told", () =>
    assert.deepEqual(["Valid", "Applied", "RolledOut"].map(condition), ["True", "True", "True"]),
  );
  server("hub").put(WORKLOAD, { ...(server("hub").objects.get(WORKLOAD) as JsonObject), spec: workload("two")["spec"] as Json });
  await done("two");
});

test("a declaration that cannot be carried out is told, and nothing is touched", async (t) => {
  const { server, start, status, condition, values, done } = await rig(t);
  server("hub").put(WORKLOAD, workload("one"));
  start();
  await done("one");
  const bad = workload("two", { rollout: { deadline: "soon" } });
  server("hub").put(WORKLOAD, { ...(server("hub").objects.get(WORKLOAD) as JsonObject), spec: bad["spec"] as Json });
  await eventually("it is told", () => assert.equal(condition("Valid"), "False", JSON.stringify(status())));
  assert.deepEqual(values(), ["one", "one"]);
});

test("deleted: the members are emptied, then it goes; kept by a finalizer until then", async (t) => {
  const { server, start, values, done } = await rig(t);
  server("hub").put(WORKLOAD, workload("one"));
  start();
  await done("one");
  assert.deepEqual(listAt(server("hub").objects.get(WORKLOAD), "metadata", "finalizers"), [FINALIZER]);
  server("b").hang(true);
  const live = server("hub").objects.get(WORKLOAD) as JsonObject;
  const metadata = { ...(live["metadata"] as JsonObject), deletionTimestamp: "2026-01-01T00:00:00Z" };
  server("hub").put(WORKLOAD, { ...live, metadata });
  await eventually("a is empty", () => assert.equal(values()[0], undefined));
  assert.ok(server("hub").objects.has(WORKLOAD), "b could not be looked at");
  server("b").hang(false);
  await eventually("it is gone", () => assert.ok(!server("hub").objects.has(WORKLOAD)), { withinMs: 20_000 });
  assert.deepEqual(values(), [undefined, undefined]);
});

test("what the template names follows it from the workload's own namespace of the hub, and from no other", async (t) => {
  const { server, start, done } = await rig(t);
  const secret = (namespace: string, name: string, value: string) =>
    server("hub").put(`secrets/${namespace}/${name}`, {
      ...{ apiVersion: "v1", kind: "Secret", metadata: { name, namespace } },
      data: { value: Buffer.from(value).toString("base64") },
    });
  secret("shop", "web", "first");
  secret("system", "other", "not to be seen");
  const declared = workload("one", { policy: { dependencies: "Follow" } });
  const [web] = listAt(declared, "spec", "template", "manifests") as JsonObject[];
  const naming = (namespace: string, name: string): JsonObject => {
    const pod = { containers: [{ name: "main", image: "one" }], volumes: [{ name: "it", secret: { secretName: name } }] };
    const template = { metadata: { labels: { app: "web" } }, spec: pod };
    return { ...web, metadata: { name: "web", namespace }, spec: { ...(web?.["spec"] as JsonObject), template } };
  };
  const manifests = [naming("shop", "web"), naming("system", "other")];
  server("hub").put(WORKLOAD, { ...declared, spec: { ...(declared["spec"] as JsonObject), template: { manifests } } });
  start();
  await done("one");
  const value = (name: string) => textAt(server(name).objects.get("secrets/shop/web"), "data", "value");
  assert.deepEqual(
    MEMBERS.map(value),
    MEMBERS.map(() => Buffer.from("first").toString("base64")),
  );
  for (const name of MEMBERS) assert.equal(server(name).objects.has("secrets/system/other"), false);
  const condition = () =>
    listAt(server("hub").objects.get(WORKLOAD), "status", "conditions").find(
      (one) => textAt(one, "type") === "DependenciesFound",
    );
  await eventually("what could not follow is told", () => {
    assert.deepEqual([textAt(condition(), "status"), textAt(condition(), "reason")], ["False", "Missing"]);
    assert.match(textAt(condition(), "message") ?? "", /^the template names Secret system\/other, which it does not hold/);
  });
});

test("a token is renewed and the old one revoked: the controller goes on with the new one, without waiting for its next look", async (t) => {
  const { server, start, done, hub, dir, values } = await rig(t);
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: "system:serviceaccount:meshbridge-system:deploy", iat: now - 60, exp: now + 600 };
  const old = `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
  const file = join(dir, "a.kubeconfig");
  const text = withToken(await readFile(file, "utf8"), old);
  await writeFile(file, text);
  server("a").accept(old);
  const { signal } = new AbortController();
  const fleetFile = join(dir, "fleet.yaml");
  const item = { apiVersion: API, kind: "Cluster", metadata: { name: "a" }, spec: { kubeconfig: "a.kubeconfig" } };
  await writeFile(fleetFile, JSON.stringify({ apiVersion: API, kind: "ClusterList", items: [item] }));
  const [member] = (await readFleet(fleetFile)).members;
  // As it was left by the renewal before, so that nothing but the token is new.
  await putInHub(hub, { name: "a", labels: {}, spec: member?.spec ?? {} }, text, signal);
  server("hub").put(WORKLOAD, workload("one"));
  start();
  await done("one");

  const allow = ["http", "insecure-skip-tls-verify"] as const;
  const world = { fleetFile, hub, allow, withinMs: 2000, clock: systemClock, random: Math.random, signal };
  const [renewed] = await renew(world, 600_000, true);
  assert.equal(renewed?.renewed, true, renewed?.message);
  const token = tokenIn(await readFile(file, "utf8")) ?? assert.fail("a token");
  assert.notEqual(token, old);
  server("a").accept(token);
  server("hub").put(WORKLOAD, { ...(server("hub").objects.get(WORKLOAD) as JsonObject), spec: workload("two")["spec"] as Json });
  await eventually("both have it", () => assert.deepEqual(values(), ["two", "two"]), { withinMs: 8000 });
  await done("two");
});

test("one leads; when it ends the next goes on at once, with a greater epoch", async (t) => {
  const { server, start, status, done } = await rig(t);
  server("hub").put(WORKLOAD, workload("one"));
  const stop = start();
  await done("one");
  const before = Number(status("rollout", "epoch"));
  start();
  await stop();
  server("hub").put(WORKLOAD, { ...(server("hub").objects.get(WORKLOAD) as JsonObject), spec: workload("two")["spec"] as Json });
  await done("two");
  assert.ok(Number(status("rollout", "epoch")) > before);
});
