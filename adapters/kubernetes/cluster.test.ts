import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { type KubeApi, WatchFailed } from "../../src/kubernetes/api.ts";
import { createModelApi } from "../../src/kubernetes/testing.ts";
import { fail } from "../../src/model/errors.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { pathsOf, watchCluster } from "./cluster.ts";
import type { KubernetesSettings } from "./schema.ts";
import { selectionOf } from "./selection.ts";
import { modelService, modelSlice, SERVICES, SLICES } from "./testing-objects.ts";
import { translateContext } from "./translate-context.ts";

/** One cluster over a model; `refused` paths are answered 503. */
function rig(config: KubernetesSettings, scope: AsyncDisposableStack) {
  const clock = fakeClock();
  const model = createModelApi(Number.POSITIVE_INFINITY, clock);
  const refused = new Set<string>();
  const refusal = { error: fail("MB_REGISTRY_REFUSED", { statusCode: 503 }), status: 503, retryAfterMs: undefined };
  const api: KubeApi = {
    ...model,
    get: async (path, query, limits) => (refused.has(path) ? refusal : model.get(path, query, limits)),
    async *watch(path, query, signal) {
      if (refused.has(path)) throw new WatchFailed(refusal);
      yield* model.watch(path, query, signal);
    },
  };
  const stop = new AbortController();
  const events: RegistryEvent[] = [];
  const settings = registrySettings();
  const spec = { name: "eu", kubeconfig: "", origin: "", dir: "/", context: undefined, local: true };
  const translate = translateContext({ ...spec, network: "n", locality: {} }, { registry: "k8s", config, settings });
  const selection = selectionOf(config);
  const context = { clock, random: () => 0.5, signal: stop.signal };
  /** Addresses by name; a name that is missing gets no answer. */
  const hosts = new Map<string, readonly string[]>();
  const lookup = async (host: string) => hosts.get(host) ?? Promise.reject(new Error("no name server answers"));
  const versions = new Map<string, string>();
  const options = { api, translate, selection, lookup, labelSelector: undefined, context, versions };
  const start = async () => {
    const run = (async () => {
      for await (const batch of watchCluster(options)) events.push(...batch);
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    scope.defer(async () => {
      stop.abort(new Error("end"));
      await clock.advance(0);
      await run;
    });
    await clock.advance(0);
  };
  const said = () =>
    events.splice(0).map((event) => {
      if (event.type === "group") return `${event.group.service.name} ${event.group.instances.length} ${sure(event)}`;
      if (event.type === "gone") return `gone ${event.source.scope} ${sure(event)}`;
      return event.type;
    });
  return { clock, model, refused, hosts, start, said };
}

function sure({ evidence }: Extract<RegistryEvent, { type: "group" | "gone" }>): string {
  return evidence.kind === "suspect" ? evidence.reason : "sure";
}

const A = { address: "10.1.0.1", port: 80 };

test("nothing is said of a Service before both resources are listed: it would look empty", async () => {
  await using scope = new AsyncDisposableStack();
  const { clock, model, refused, start, said } = rig({}, scope);
  refused.add(SLICES);
  model.put(SERVICES, modelService("shop", "web"));
  model.put(SLICES, modelSlice("shop", "web", A));
  await start();
  await clock.advance(3000);
  assert.deepEqual(new Set(said()), new Set(["degraded"]));
  refused.clear();
  await clock.advance(5000);
  assert.deepEqual(said(), ["web 1 sure", "synced"]);
});

test("a Service that comes while slices cannot be read: that it has none proves nothing; that another is deleted does", async () => {
  await using scope = new AsyncDisposableStack();
  const { clock, model, refused, start, said } = rig({}, scope);
  model.put(SERVICES, modelService("shop", "web"));
  model.put(SLICES, modelSlice("shop", "web", A));
  await start();
  said();
  refused.add(SLICES);
  // Only the watch of the slices breaks for good: that of the Services is open again at once.
  model.breakWatches();
  await clock.advance(2000);
  said();
  model.put(SERVICES, modelService("shop", "api"));
  model.put(SLICES, modelSlice("shop", "api", A));
  model.remove(SERVICES, "shop", "web");
  await clock.advance(0);
  assert.deepEqual(
    said().filter((text) => text !== "degraded"),
    ["api 0 partial-read", "gone eu/shop/web sure"],
  );
  refused.clear();
  await clock.advance(5000);
  assert.ok(said().includes("api 1 sure"));
});

test("slices without their Service, and a Service that no longer is meant", async () => {
  await using scope = new AsyncDisposableStack();
  const { clock, model, start, said } = rig({ expose: "annotated" }, scope);
  const exposed = (value: string) => {
    const { metadata, ...rest } = modelService("shop", "web");
    return { ...rest, metadata: { ...metadata, annotations: { "meshbridge.io/expose": value } } };
  };
  model.put(SLICES, modelSlice("shop", "web", A));
  await start();
  assert.deepEqual(said(), ["synced"]);
  model.put(SERVICES, exposed("true"));
  await clock.advance(0);
  assert.deepEqual(said(), ["web 1 sure", "synced"]);
  model.put(SERVICES, exposed("false"));
  await clock.advance(0);
  assert.deepEqual(said(), ["gone eu/shop/web sure", "synced"]);
});

test("namespaces named one by one are asked one by one, so that rights in them suffice", () => {
  const paths = (config: KubernetesSettings) => pathsOf(selectionOf(config)).map(([, path]) => path);
  assert.deepEqual(paths({ namespaces: ["shop", "kube-system"] }), [
    "/api/v1/namespaces/shop/services",
    "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices",
  ]);
  for (const config of [{}, { namespaces: ["shop", "pay-*"] }, { namespaces: [] }])
    assert.deepEqual(paths(config), [SERVICES, SLICES]);
});

test("which Services are meant", () => {
  const service = (namespace: string, name: string, expose?: string) => ({
    ...{ namespace, name, labels: {}, type: "ClusterIP", headless: false, externalName: undefined, ports: [] },
    ...{ publishNotReadyAddresses: false, trafficDistribution: undefined },
    annotations: expose === undefined ? {} : { "meshbridge.io/expose": expose },
  });
  const rows: readonly (readonly [KubernetesSettings, ReturnType<typeof service>, boolean])[] = [
    [{}, service("shop", "web"), true],
    [{}, service("kube-system", "kube-dns"), false],
    [{ excludeNamespaces: [] }, service("kube-system", "kube-dns"), true],
    [{}, service("shop", "web", "false"), false],
    [{ expose: "annotated" }, service("shop", "web"), false],
    [{ expose: "annotated" }, service("shop", "web", "true"), true],
    [{ namespaces: ["sh*"] }, service("pay", "web"), false],
    [{ include: ["w*"] }, service("shop", "api"), false],
    [{ include: ["w*"], exclude: ["web"] }, service("shop", "web"), false],
  ];
  for (const [config, one, meant] of rows)
    assert.equal(selectionOf(config).service(one), meant, JSON.stringify([config, one.name]));
});

test("an ExternalName Service has the address of its name, follows it, and keeps it while nobody answers", async () => {
  await using scope = new AsyncDisposableStack();
  const { clock, model, hosts, start, said } = rig({}, scope);
  model.put(SERVICES, modelService("shop", "db", { type: "ExternalName", externalName: "db.example.com" }));
  await start();
  assert.deepEqual(
    new Set(said()),
    new Set(["db 0 partial-read", "synced"]),
    "not known yet: nothing that was there before is gone",
  );
  hosts.set("db.example.com", ["192.0.2.7"]);
  await clock.advance(40_000);
  assert.deepEqual(new Set(said()), new Set(["db 1 sure", "synced"]));
  hosts.delete("db.example.com");
  await clock.advance(40_000);
  assert.ok(!said().some((event) => event.startsWith("db 0")), "the last address stands");
});
