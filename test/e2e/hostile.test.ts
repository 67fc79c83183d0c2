/**
 * Everything read from a registry is hostile input: what Envoy would refuse is left out alone, counted and explained;
 * its neighbours stay, and Envoy never refuses anything.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Backend, startHttpBackend } from "../support/backend.ts";
import { startConsul } from "../support/consul.ts";
import { assertHosts, type Edge, startEdge } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { clusterOf } from "../support/names.ts";
import { requireServers } from "../support/require-server.ts";
import { hostOf, httpService, instanceOf, serviceFile } from "../support/service-file.ts";

const WEB = clusterOf("default/web", "http");
const MEBIBYTE = 1024 * 1024;

interface RegistryView {
  readonly name: string;
  readonly instances: number;
  readonly rejected: number;
}

async function registry(edge: Edge, name: string): Promise<RegistryView> {
  const { items } = await edge.bridge.get<{ items: RegistryView[] }>("/v1/registries");
  const found = items.find((item) => item.name === name);
  assert.ok(found, `no registry ${name}`);
  return found;
}

async function assertNeverRefused(edge: Edge): Promise<void> {
  assert.equal(await edge.envoy.rejectedUpdates(), 0);
  const { items } = await edge.bridge.get<{ items: { types: { nacks: number }[] }[] }>("/v1/proxies");
  assert.deepEqual(
    items.flatMap(({ types }) => types.map(({ nacks }) => nacks)).filter((nacks) => nacks > 0),
    [],
  );
}

const fileOnly = requireServers("envoy");
test("hostile records of a file: the good neighbour stays, every bad one is counted and explained", fileOnly, async () => {
  await using scope = new AsyncDisposableStack();
  const good = await startHttpBackend(scope);
  const registries = [{ kind: "file", name: "local", path: "./services.yaml" }];
  const files = { "services.yaml": serviceFile(httpService("web", [instanceOf(good)])) };
  const edge = await startEdge({ registries, files }, scope);
  const base = (address: string, extra: object = {}) => ({ address, ports: { http: 8080 }, ...extra });
  const hostile: readonly (readonly [object, RegExp])[] = [
    [base("192.0.2.1", { ports: { http: 70000 } }), /70000/],
    [base("192.0.2.2", { ports: { http: -1 } }), /-1/],
    [base("192.0.2.3", { ports: { http: 80.5 } }), /80\.5/],
    [base("192.0.2.4", { weight: 0 }), /weight 0/],
    [base("192.0.2.5", { weight: Number.NaN }), /NaN|nan/],
    [base("192.0.2.6", { weight: Number.POSITIVE_INFINITY }), /Infinity|inf/],
    [base("192.0.2.7", { weight: 1e308 }), /1e\+?308/],
    [base("192.0.2.8", { labels: { big: "x".repeat(MEBIBYTE) } }), /label big/],
    [base("192.0.2.9", { labels: { note: "line\nbreak\u0000" } }), /control characters/],
    [base("192.0.2.10", { id: "id\u202Ewith\u0007control" }), /control characters/],
    [base("localhost"), /localhost/],
    [base("192.0.2.999"), /192\.0\.2\.999/],
    [base("192.0.2.11", { health: "splendid" }), /health/],
    [base("192.0.2.12", { labels: JSON.parse('{"__proto__":"polluted"}') as object }), /__proto__/],
    [base("192.0.2.13", { ports: {} }), /port/],
  ];
  const instances = [...hostile.map(([record]) => record), instanceOf(good, { weight: 2 })];
  const bad = { name: "we\u0000b", namespace: "default", ports: [{ name: "http", port: 80 }], instances: [base("192.0.2.20")] };
  await edge.workspace.write("services.yaml", {
    services: [bad, { ...httpService("web", []), instances }, httpService("other", [instanceOf(good)])],
  });
  const only = [`${hostOf(good)} HEALTHY weight 2`];
  await eventually("the good instance has its new weight, alone", async () => assertHosts(await edge.envoy.hosts(WEB), only));
  const { rejected } = await registry(edge, "local");
  assert.ok(rejected >= hostile.length, `${rejected} records are counted as rejected, of ${hostile.length}`);
  const explained = (await edge.bridge.ask("/v1/explain?service=default/web")).body;
  for (const [record, reason] of hostile)
    assert.match(explained, reason, `explain says nothing of ${JSON.stringify(record).slice(0, 100)}`);
  assert.equal((await edge.bridge.get<{ items: unknown[] }>("/v1/services?namespace=default")).items.length, 2);
  await assertNeverRefused(edge);
});

const both = requireServers("envoy", "consul");
test("hostile registrations in Consul: forbidden addresses and odd names cost only themselves", both, async () => {
  await using scope = new AsyncDisposableStack();
  const consul = await startConsul({}, scope);
  const good = (await Promise.all([1, 2].map(() => startHttpBackend(scope, { address: "127.0.0.2" })))) as [Backend, Backend];
  const row = (id: string, address: string, extra: object = {}) =>
    consul.put("/v1/catalog/register", {
      Node: "outside",
      Address: "192.0.2.100",
      SkipNodeUpdate: true,
      Service: { ID: id, Service: "web", Address: address, Port: 8080, ...extra },
    });
  await row("good-1", "127.0.0.2", { Port: good[0].port });
  const allow = ["127.0.0.2/32"];
  const edge = await startEdge(
    { registries: [{ kind: "consul", name: "consul", address: consul.url, addresses: { allow } }] },
    scope,
  );
  await eventually("the good one is there", async () => assertHosts(await edge.envoy.hosts(WEB), [hostOf(good[0])]));

  const attempts: readonly (() => Promise<unknown>)[] = [
    () => row("loopback", "127.0.0.1"),
    () => row("metadata", "169.254.169.254"),
    () => row("mapped", "::ffff:127.0.0.1"),
    () => row("unspecified", "0.0.0.0"),
    () => row("multicast", "224.0.0.1"),
    () => row("name", "localhost"),
    () => row("port", "192.0.2.1", { Port: 70000 }),
    () => row("negative", "192.0.2.2", { Port: -1 }),
    () => row("zero", "192.0.2.3", { Port: 0 }),
    () => row("bell\u0007\u202E", "192.0.2.4"),
    () => row("weights", "192.0.2.5", { Weights: { Passing: 2_000_000_000, Warning: 1 } }),
    () => row("tags", "192.0.2.6", { Tags: Array.from({ length: 2000 }, (_, i) => `t${i}=${"x".repeat(300)}`) }),
    () => row("odd name", "192.0.2.7", { Service: "we\u0000b/../x" }),
    () => row("proto", "192.0.2.8", { Service: "__proto__" }),
    () => row("meta", "192.0.2.9", { Meta: { note: "line\nbreak" } }),
  ];
  const taken = (await Promise.allSettled(attempts.map((attempt) => attempt()))).filter(
    ({ status }) => status === "fulfilled",
  ).length;
  assert.ok(taken >= 10, `Consul itself took only ${taken} of ${attempts.length} hostile rows`);
  await row("good-2", "127.0.0.2", { Port: good[1].port });
  await eventually("the good one registered last is there too", async () => {
    const hosts = await edge.envoy.hosts(WEB);
    for (const backend of good) assert.ok(hosts.some(({ address }) => address === hostOf(backend)));
  });
  const forbidden = /^(127\.0\.0\.1|169\.254\.|0\.0\.0\.0|224\.|localhost|\[?::)/;
  const delivered = [...(await edge.envoy.clusters()).values()].flat().map(({ address }) => address);
  assert.deepEqual(
    delivered.filter((address) => forbidden.test(address)),
    [],
  );
  assert.ok((await registry(edge, "consul")).rejected >= 6);
  const explained = (await edge.bridge.ask("/v1/explain?service=default/web")).body;
  for (const reason of [/169\.254\.169\.254/, /224\.0\.0\.1/, /70000/]) assert.match(explained, reason);
  await assertNeverRefused(edge);
});
