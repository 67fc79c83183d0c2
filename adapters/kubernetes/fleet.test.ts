/** Many clusters of one registry: each over a model of its API server, found by the text of its kubeconfig. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import type { KubeApi } from "../../src/kubernetes/api.ts";
import { createModelApi, type ModelApi } from "../../src/kubernetes/testing.ts";
import { fail } from "../../src/model/errors.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { watchKubernetes } from "./index.ts";
import type { KubernetesSettings } from "./schema.ts";
import { modelService, modelSlice, SERVICES, SLICES } from "./testing-objects.ts";

const SECRETS = "/api/v1/namespaces/mesh/secrets";

/** The adapter with clusters of which each answers to one kubeconfig text; `said` is what came of its events. */
async function fleet(config: (dir: string) => KubernetesSettings, scope: AsyncDisposableStack) {
  const dir = await mkdtemp(join(tmpdir(), "meshbridge-fleet-"));
  scope.defer(() => rm(dir, { recursive: true, force: true }));
  const clock = fakeClock();
  const apis = new Map<string, ModelApi>();
  const closed: string[] = [];
  const events: RegistryEvent[] = [];
  const cluster = (text: string, ...addresses: readonly string[]): ModelApi => {
    const api = createModelApi(Number.POSITIVE_INFINITY, clock);
    apis.set(text, api);
    put(api, "web", addresses);
    return api;
  };
  const connect = async (text: string): Promise<KubeApi> => {
    const api = apis.get(text);
    if (api === undefined) throw fail("MB_KUBECONFIG_INVALID", { origin: "test", field: "the whole", reason: "half" });
    return { ...api, close: () => closed.push(text) };
  };
  const stop = new AbortController();
  const context = { name: "k8s", settings: registrySettings(), baseDir: dir, signal: stop.signal, log: silentLog, clock };
  const start = () => {
    const run = (async () => {
      for await (const event of watchKubernetes(config(dir), { ...context, random: () => 0.5 }, connect)) events.push(event);
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    scope.defer(async () => {
      stop.abort(new Error("end"));
      await clock.advance(0);
      await run;
    });
  };
  const said = () => sketch(events.splice(0));
  /** Files are seen by real events and reads, so time is moved in small steps until it is so. */
  const until = async (condition: () => boolean, what: string) => {
    for (let step = 0; step < 400 && !condition(); step++) {
      await clock.advance(100);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.ok(condition(), `no ${what}; ${sketch(events).join("; ")}`);
  };
  const untilSaid = (text: string) => until(() => sketch(events).includes(text), text);
  return { dir, clock, cluster, start, said, until, untilSaid, closed, file: (name: string) => join(dir, name) };
}

function put(api: ModelApi, name: string, addresses: readonly string[]): void {
  api.put(SERVICES, modelService("shop", name));
  for (const address of addresses) api.put(SLICES, modelSlice("shop", name, { address, port: 80 }));
}

function sketch(events: readonly RegistryEvent[]): readonly string[] {
  return events.flatMap((event) => {
    if (event.type === "parts") return [];
    if (event.type === "degraded") return `degraded ${event.part} ${event.error.code}`;
    if (event.type === "recovered") return `recovered ${event.part}`;
    const { evidence } = event;
    const sure = evidence.kind === "suspect" ? evidence.reason : "byOperator" in evidence ? "by operator" : "sure";
    if (event.type === "synced") return `synced ${sure}`;
    if (event.type === "gone") return `gone ${event.source.scope} ${sure}`;
    const instances = event.group.instances.map(({ address, health, cluster }) => `${address} ${health} in ${cluster}`);
    return `${event.group.source.scope} ${instances.join(", ")}`;
  });
}

const named =
  (...names: readonly string[]) =>
  (): KubernetesSettings => ({
    clusters: names.map((name) => ({ name, kubeconfig: name })),
  });

test("clusters are one registry: sources by cluster, and synced when all are", async () => {
  await using scope = new AsyncDisposableStack();
  const rig = await fleet(named("eu", "us"), scope);
  for (const name of ["eu", "us"]) await writeFile(rig.file(name), name);
  rig.cluster("eu", "10.1.0.1");
  rig.cluster("us", "10.2.0.1");
  rig.start();
  await rig.untilSaid("synced sure");
  // Each part also says of itself that it is current until all are.
  const all = rig.said().filter((text) => !text.startsWith("recovered"));
  assert.deepEqual(all.slice(0, -1).sort(), ["eu/shop/web 10.1.0.1 healthy in eu", "us/shop/web 10.2.0.1 healthy in us"]);
  assert.equal(all.at(-1), "synced sure");
});

test("one that never answers holds nothing back but its own and `synced`, and is said to be degraded in time", async () => {
  await using scope = new AsyncDisposableStack();
  const rig = await fleet(named("eu", "us"), scope);
  for (const name of ["eu", "us"]) await writeFile(rig.file(name), name);
  const eu = rig.cluster("eu", "10.1.0.1");
  const us = rig.cluster("us", "10.2.0.1");
  us.hang(true);
  rig.start();
  await rig.untilSaid("eu/shop/web 10.1.0.1 healthy in eu");
  put(eu, "api", ["10.1.0.9"]);
  await rig.untilSaid("eu/shop/api 10.1.0.9 healthy in eu");
  await rig.clock.advance(30_000);
  const before = rig.said();
  assert.ok(
    before.includes("degraded us MB_REGISTRY_UNREACHABLE") && !before.some((text) => text.startsWith("synced")),
    before.join("; "),
  );
  us.hang(false);
  await rig.untilSaid("synced sure");
  assert.deepEqual(rig.said().slice(0, 3), ["us/shop/web 10.2.0.1 healthy in us", "recovered us", "synced sure"]);
});

test("a folder: a new file is a cluster; a removed one drains and leaves, by the operator's will", async () => {
  await using scope = new AsyncDisposableStack();
  const rig = await fleet(() => ({ discover: { directory: "." } }), scope);
  rig.cluster("one", "10.1.0.1");
  rig.cluster("two", "10.2.0.1");
  await writeFile(rig.file("eu.yaml"), "one");
  await writeFile(rig.file("us.yaml"), "two");
  await writeFile(rig.file("us.yaml~"), "no kubeconfig");
  rig.start();
  await rig.untilSaid("synced sure");
  rig.said();
  rig.cluster("three", "10.3.0.1");
  await writeFile(rig.file("ap.yaml"), "three");
  await rig.untilSaid("ap/shop/web 10.3.0.1 healthy in ap");
  rig.said();
  await rm(rig.file("us.yaml"));
  await rig.untilSaid("us/shop/web 10.2.0.1 draining in us");
  await rig.untilSaid("gone us/shop/web by operator");
  assert.ok(rig.closed.includes("two"));
  assert.ok(!rig.said().some((text) => /^(gone )?(eu|ap)\//.test(text)));
});

test("a folder that is empty all at once, or not there, removes nothing", async () => {
  await using scope = new AsyncDisposableStack();
  const rig = await fleet(() => ({ discover: { directory: "clusters" } }), scope);
  await mkdir(rig.file("clusters"));
  for (const [file, text] of [
    ["eu", "one"],
    ["us", "two"],
  ] as const) {
    rig.cluster(text, "10.1.0.1");
    await writeFile(rig.file(`clusters/${file}`), text);
  }
  rig.start();
  await rig.untilSaid("synced sure");
  await rename(rig.file("clusters"), rig.file("away"));
  await rig.untilSaid("degraded (clusters) MB_KUBECONFIG_INVALID");
  await mkdir(rig.file("clusters"));
  await rig.clock.advance(60_000);
  await rm(rig.file("clusters"), { recursive: true });
  await rename(rig.file("away"), rig.file("clusters"));
  await rig.untilSaid("recovered (clusters)");
  assert.ok(!rig.said().some((text) => text.startsWith("gone") || text.includes("draining")));
});

test("changed credentials: the new connection lists beside the old, takes over when it is current, then the old one closes", async () => {
  await using scope = new AsyncDisposableStack();
  const rig = await fleet(named("eu"), scope);
  await writeFile(rig.file("eu"), "old");
  const old = rig.cluster("old", "10.1.0.1");
  rig.start();
  await rig.untilSaid("synced sure");
  rig.said();
  await writeFile(rig.file("eu"), "half a kubecon");
  await rig.untilSaid("degraded eu MB_KUBECONFIG_INVALID");
  const next = rig.cluster("new", "10.1.0.1", "10.1.0.2");
  next.hang(true);
  await writeFile(rig.file("eu"), "new");
  await rig.until(() => next.hung > 0, "a request to the new one");
  put(old, "api", ["10.1.0.9"]);
  await rig.untilSaid("eu/shop/api 10.1.0.9 healthy in eu");
  assert.deepEqual(rig.closed, [], "the old one is followed until the new one is current");
  next.hang(false);
  await rig.untilSaid("gone eu/shop/api sure");
  assert.deepEqual(rig.closed, ["old"]);
  const all = rig.said();
  assert.ok(all.includes("eu/shop/web 10.1.0.1 healthy in eu, 10.1.0.2 healthy in eu"), all.join("; "));
  assert.ok(!all.some((text) => text.startsWith("gone eu/shop/web")));
});

test("changed to a server with an older state: what it lacks is in doubt", async () => {
  await using scope = new AsyncDisposableStack();
  const rig = await fleet(named("eu"), scope);
  await writeFile(rig.file("eu"), "old");
  const old = rig.cluster("old", "10.1.0.1");
  for (let count = 0; count < 20; count++) put(old, "api", ["10.1.0.9"]);
  rig.start();
  await rig.untilSaid("synced sure");
  rig.said();
  rig.cluster("new", "10.1.0.1");
  await writeFile(rig.file("eu"), "new");
  await rig.untilSaid("gone eu/shop/api index-went-back");
});

test("Secrets of a home cluster: one is a cluster, a rotated one is connected anew, an unreachable home removes nothing", async () => {
  await using scope = new AsyncDisposableStack();
  const rig = await fleet(
    () => ({ discover: { secrets: { namespace: "mesh", home: { name: "home", kubeconfig: "home" } } } }),
    scope,
  );
  await writeFile(rig.file("home"), "home");
  const home = rig.cluster("home");
  const secret = (name: string, cluster: string, kubeconfig: string) =>
    home.put(SECRETS, {
      metadata: { namespace: "mesh", name, labels: { "meshbridge.io/cluster": cluster } },
      data: { kubeconfig: Buffer.from(kubeconfig).toString("base64") },
    });
  rig.cluster("one", "10.1.0.1");
  rig.cluster("two", "10.2.0.1");
  secret("a", "eu", "one");
  secret("b", "us", "two");
  rig.start();
  await rig.untilSaid("synced sure");
  assert.deepEqual(
    rig
      .said()
      .filter((text) => text.includes("/shop/"))
      .sort(),
    ["eu/shop/web 10.1.0.1 healthy in eu", "us/shop/web 10.2.0.1 healthy in us"],
  );
  rig.cluster("one again", "10.1.0.1", "10.1.0.2");
  secret("a", "eu", "one again");
  await rig.untilSaid("eu/shop/web 10.1.0.1 healthy in eu, 10.1.0.2 healthy in eu");
  home.refuseWith({ status: undefined, reason: "down" });
  await rig.untilSaid("degraded (clusters) MB_REGISTRY_UNREACHABLE");
  await rig.clock.advance(60_000);
  assert.ok(!rig.said().some((text) => text.startsWith("gone") || text.includes("draining")));
  home.refuseWith(undefined);
  home.remove(SECRETS, "mesh", "b");
  await rig.untilSaid("us/shop/web 10.2.0.1 draining in us");
  await rig.untilSaid("gone us/shop/web by operator");
});

test("the home cluster's own kubeconfig may change, and be wrong for a while", async () => {
  await using scope = new AsyncDisposableStack();
  const rig = await fleet(
    () => ({ discover: { secrets: { namespace: "mesh", home: { name: "home", kubeconfig: "home" } } } }),
    scope,
  );
  await writeFile(rig.file("home"), "wrong");
  rig.start();
  await rig.untilSaid("degraded (clusters) MB_KUBECONFIG_INVALID");
  const home = rig.cluster("right");
  rig.cluster("one", "10.1.0.1");
  home.put(SECRETS, {
    metadata: { namespace: "mesh", name: "a", labels: { "meshbridge.io/cluster": "eu" } },
    data: { only: Buffer.from("one").toString("base64") },
  });
  await writeFile(rig.file("home"), "right");
  await rig.untilSaid("eu/shop/web 10.1.0.1 healthy in eu");
  await rig.untilSaid("synced sure");
});
