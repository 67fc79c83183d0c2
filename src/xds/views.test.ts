import assert from "node:assert/strict";
import { test } from "node:test";
import type { CatalogService } from "../catalog/types.ts";
import { fakeClock } from "../kernel/fake-clock.ts";
import { silentLog } from "../kernel/log.ts";
import { locality } from "../model/locality.ts";
import type { Client } from "../routing/client.ts";
import { DEFAULT_POLICY, type GatewaySpec, type RouteSpec, type TrafficPolicy } from "../routing/policy.ts";
import { FLAT, NO_NETWORKS } from "../routing/topology.ts";
import { CDS, EDS, LDS, RDS } from "./stream/testing.ts";
import { createViews, type Views } from "./views.ts";

const route = (name: string, port?: string): RouteSpec => ({
  hosts: [`${name}.example.com`],
  listeners: [],
  path: { kind: "prefix", value: "/" },
  headers: [],
  backends: [{ service: { namespace: "default", name }, port, weight: 1 }],
  timeoutMs: undefined,
  retries: undefined,
  prefixRewrite: undefined,
});
const gateway = (...routes: RouteSpec[]): GatewaySpec => ({
  name: "edge",
  kind: "edge",
  listeners: [{ name: "http", address: "0.0.0.0", port: 80, protocol: "HTTP" }],
  routes,
});
const traffic = (...gateways: GatewaySpec[]): TrafficPolicy => ({
  domain: "mesh.local",
  gateways,
  sidecar: { outbound: { address: "127.0.0.1", port: 15001 } },
  ...NO_NETWORKS,
  topology: FLAT,
  policyOf: () => ({ ...DEFAULT_POLICY, connectTimeoutMs: 1000, deadAfterMs: 0 }),
});
const service = (name: string, addresses: string[], ports = ["http"]): CatalogService => ({
  id: `default/${name}`,
  key: { namespace: "default", name },
  ports: ports.map((port, i) => ({ name: port, port: 80 + i, protocol: "HTTP", inferred: false })),
  labels: {},
  instances: addresses.map((address) => ({
    id: address,
    address,
    ports: Object.fromEntries(ports.map((port, i) => [port, 8080 + i])),
    locality: locality(),
    cluster: "c1",
    network: "default",
    health: "healthy",
    weight: 1,
    labels: {},
    source: { registry: "r", scope: name },
  })),
  sources: [],
  conditions: [],
});
const client = (role: Client["role"]): Client => ({
  role,
  gateway: role === "gateway" ? "edge" : "",
  cluster: "c1",
  network: "default",
  locality: locality(),
  namespace: "default",
  inbound: undefined,
});

function rig(policy = traffic(gateway(route("web")))) {
  const clock = fakeClock();
  const views = createViews({ traffic: policy, clock, log: silentLog });
  const services = new Map<string, CatalogService>();
  let version = 0;
  const put = (...list: CatalogService[]) => {
    for (const one of list) services.set(one.id, one);
    views.update({
      version: ++version,
      sync: "complete",
      services: new Map(services),
      changed: new Set(list.map(({ id }) => id)),
    });
  };
  const drop = (id: string) => {
    services.delete(id);
    views.update({ version: ++version, sync: "complete", services: new Map(services), changed: new Set([id]) });
  };
  return { clock, views, put, drop, services };
}

const names = (views: Views, key: string, typeUrl: string) =>
  [...(views.tables(key)?.table(typeUrl).all() ?? [])].map(({ name }) => name);
const seqs = (views: Views, key: string) => [CDS, EDS, LDS, RDS].map((typeUrl) => views.tables(key)?.table(typeUrl).seq);

test("a gateway gets the clusters that its routes use, and no others", () => {
  const { views, put } = rig();
  put(service("web", ["10.0.0.1"], ["http", "admin"]), service("other", ["10.0.0.2"]));
  const { key } = views.acquire(client("gateway"));
  assert.deepEqual(names(views, key, CDS), ["default/web/http"]);
  assert.deepEqual(names(views, key, EDS), ["default/web/http"]);
  assert.deepEqual(names(views, key, LDS), ["edge/http"]);
});

test("a changed instance changes endpoints alone; a service of no interest changes nothing and wakes nobody", () => {
  const { views, put } = rig();
  put(service("web", ["10.0.0.1"]));
  const handle = views.acquire(client("gateway"));
  let woken = 0;
  handle.subscribe(() => woken++);
  const before = seqs(views, handle.key);
  put(service("web", ["10.0.0.1", "10.0.0.2"]));
  assert.deepEqual(seqs(views, handle.key), [before[0], (before[1] ?? 0) + 1, before[2], before[3]]);
  assert.equal(woken, 1);
  put(service("other", ["10.0.0.3"]));
  assert.equal(woken, 1);
});

test("a service that appears turns its 503 into a route, and one that goes turns it back", () => {
  const { views, put, drop } = rig();
  put(service("other", []));
  const { key } = views.acquire(client("gateway"));
  assert.deepEqual(
    views.conditions()[0]?.conditions.map(({ type }) => type),
    ["UnknownService"],
  );
  put(service("web", ["10.0.0.1"]));
  assert.deepEqual(names(views, key, CDS), ["default/web/http"]);
  assert.deepEqual(views.conditions()[0]?.conditions, []);
  drop("default/web");
  assert.deepEqual(names(views, key, CDS), []);
  assert.deepEqual(names(views, key, EDS), []);
  assert.deepEqual(
    views.conditions()[0]?.conditions.map(({ type }) => type),
    ["UnknownService"],
  );
});

test("another policy is taken over without touching what does not differ", () => {
  const { views, put } = rig();
  put(service("web", ["10.0.0.1"]), service("api", ["10.0.0.2"]));
  const { key } = views.acquire(client("gateway"));
  const changedAt = () => views.tables(key)?.table(CDS).changedAt("default/web/http");
  const before = changedAt();
  views.setTraffic(traffic(gateway(route("web"), route("api"))));
  assert.deepEqual(names(views, key, CDS), ["default/web/http", "default/api/http"]);
  assert.equal(changedAt(), before);
  views.setTraffic(traffic());
  assert.deepEqual(
    [CDS, EDS, LDS, RDS].flatMap((typeUrl) => names(views, key, typeUrl)),
    [],
  );
});

test("clients with equal keys share a view; it goes some time after the last of them", async () => {
  const { views, put, clock } = rig();
  put(service("web", ["10.0.0.1"]));
  const a = views.acquire(client("sidecar"));
  const b = views.acquire(client("sidecar"));
  assert.equal(a.tables, b.tables);
  a.release();
  await clock.advance(120_000);
  assert.ok(views.tables(a.key));
  b.release();
  await clock.advance(30_000);
  const again = views.acquire(client("sidecar"));
  assert.equal(again.tables, a.tables);
  await clock.advance(120_000);
  again.release();
  await clock.advance(60_000);
  assert.equal(views.tables(a.key), undefined);
});

test("a view is not ready while the sources are waited for, and not complete while one is unread", () => {
  const { views, services } = rig();
  const handle = views.acquire(client("sidecar"));
  let woken = 0;
  handle.subscribe(() => woken++);
  assert.equal(handle.ready, false);
  views.update({ version: 1, sync: "partial", services, changed: new Set() });
  assert.deepEqual([handle.ready, handle.tables.complete, woken], [true, false, 1]);
  views.update({ version: 1, sync: "complete", services, changed: new Set() });
  assert.deepEqual([handle.ready, handle.tables.complete, woken], [true, true, 2]);
});

test("gRPC clients get a listener for each way to write the target", () => {
  const { views, put } = rig();
  put(service("web", ["10.0.0.1"], ["grpc"]));
  const { key } = views.acquire(client("grpc"));
  assert.deepEqual(names(views, key, LDS), [
    "web.default.mesh.local:80",
    "web.default.mesh.local:grpc",
    "web.default.mesh.local",
  ]);
});

test("of two services with one host name the first by id has it, and the other when that one goes", () => {
  const inNamespace = (namespace: string, name: string): CatalogService => ({
    ...service(name, ["10.0.0.1"], ["grpc"]),
    id: `${namespace}/${name}`,
    key: { namespace, name },
  });
  const leadsTo = (key: string) =>
    [...(views.tables(key)?.table(LDS).all() ?? [])].map(({ name, refs }) => `${name} ${refs[0]?.name}`);
  const three = (cluster: string) => [":80", ":grpc", ""].map((end) => `a.b.c.mesh.local${end} ${cluster}`);
  const { views, put, drop } = rig();
  put(inNamespace("c", "a.b"));
  const { key } = views.acquire(client("grpc"));
  assert.deepEqual(leadsTo(key), three("c/a.b/grpc"));
  put(inNamespace("b.c", "a"));
  assert.deepEqual(leadsTo(key), three("b.c/a/grpc"));
  assert.deepEqual(
    views.conditions()[0]?.conditions.map(({ reason }) => reason),
    ["HostTaken"],
  );
  assert.deepEqual(names(views, key, CDS), ["c/a.b/grpc", "b.c/a/grpc"]);
  drop("b.c/a");
  assert.deepEqual(leadsTo(key), three("c/a.b/grpc"));
  assert.deepEqual(views.conditions()[0]?.conditions, []);
  put(inNamespace("b.c", "a"));
  drop("c/a.b");
  assert.deepEqual(leadsTo(key), three("b.c/a/grpc"));
});
