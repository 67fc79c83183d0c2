import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Instance } from "../../src/model/instance.ts";
import { type TranslateOptions, translate } from "./translate.ts";

const OPTIONS: TranslateOptions = {
  source: { registry: "consul", scope: "dc1/web" },
  service: { namespace: "default", name: "web" },
  datacenter: "dc1",
  settings: { cluster: "c1", network: "net1", locality: {} },
  tags: [],
  defaultProtocol: "http",
  warning: "degraded",
  knownPorts: [],
};

type Part = Readonly<Record<string, unknown>>;

const row = (service: Part = {}, { node = {}, checks = [] as unknown } = {}) => ({
  Node: { Node: "n1", Address: "10.0.0.1", Datacenter: "dc1", Meta: null, ...node },
  Service: { ID: "w1", Service: "web", Port: 8080, Address: "10.0.0.2", Tags: null, Meta: null, ...service },
  Checks: checks,
});

function instanceOf(body: unknown, options: Partial<TranslateOptions> = {}): Instance {
  const result = translate([body], { ...OPTIONS, ...options });
  assert.deepEqual(result?.rejected, []);
  const [instance] = result?.group?.instances ?? [];
  assert.ok(instance !== undefined);
  return instance;
}

test("a plain row", () => {
  assert.deepEqual(translate([row()], OPTIONS), {
    group: {
      source: OPTIONS.source,
      service: OPTIONS.service,
      ports: [{ name: "http", port: 8080, protocol: "HTTP", inferred: true }],
      labels: {},
      instances: [
        {
          id: "n1/w1",
          address: "10.0.0.2",
          ports: { http: 8080 },
          locality: { region: "dc1", zone: "", subZone: "" },
          cluster: "c1",
          network: "net1",
          health: "healthy",
          weight: 1,
          labels: { "consul.datacenter": "dc1" },
        },
      ],
      nameWords: { datacenter: "dc1" },
    },
    rejected: [],
    nodes: new Set(["n1"]),
  });
});

for (const address of ["", undefined, null, 7])
  test(`without a service address (${address}) the node's counts`, () =>
    assert.equal(instanceOf(row({ Address: address })).address, "10.0.0.1"));

const check = (Status: unknown, CheckID = "c") => ({ CheckID, Status });
for (const [name, checks, health, warning] of [
  ["none", [], "healthy"],
  ["null", null, "healthy"],
  ["passing", [check("passing")], "healthy"],
  ["warning", [check("passing"), check("warning")], "degraded"],
  ["warning, by setting", [check("passing"), check("warning")], "healthy", "healthy"],
  ["critical over warning", [check("warning"), check("critical"), check("passing")], "unhealthy"],
  ["node maintenance over critical", [check("critical"), check("critical", "_node_maintenance")], "draining"],
  ["service maintenance", [check("critical", "_service_maintenance:w1")], "draining"],
  ["a name that only looks like maintenance", [check("critical", "_service_maintenance")], "unhealthy"],
  ["a status nobody knows", [check("passing"), check(5)], "unknown"],
] as const)
  test(`checks: ${name} is ${health}`, () =>
    assert.equal(instanceOf(row({}, { checks }), warning === undefined ? {} : { warning }).health, health));

for (const [name, weights, status, weight] of [
  ["passing", { Passing: 5, Warning: 2 }, "passing", 5],
  ["warning", { Passing: 5, Warning: 2 }, "warning", 2],
  ["critical", { Passing: 5, Warning: 2 }, "critical", 5],
  ["0", { Passing: 0, Warning: 0 }, "passing", 1],
  ["none", null, "passing", 1],
  ["text", { Passing: "9" }, "passing", 1],
  ["a fraction", { Passing: 1.5 }, "passing", 1],
] as const)
  test(`weight: ${name}`, () => assert.equal(instanceOf(row({ Weights: weights }, { checks: [check(status)] })).weight, weight));

test("labels come from tags and metadata, which wins; hostile names are plain keys", () => {
  const meta = JSON.parse('{"version":"2","__proto__":"x","n":1}');
  const { labels } = instanceOf(row({ Tags: ["canary", "version=1", "a=b=c", "=x", 5], Meta: meta }));
  assert.deepEqual(Object.entries(labels).sort(), [
    ["__proto__", "x"],
    ["a", "b=c"],
    ["consul.datacenter", "dc1"],
    ["tag.=x", "true"],
    ["tag.canary", "true"],
    ["version", "2"],
  ]);
});

for (const [name, service, node, settings, expected] of [
  ["nothing", {}, {}, {}, { region: "dc1", zone: "", subZone: "" }],
  ["the settings", {}, {}, { region: "r", zone: "z", subZone: "s" }, { region: "r", zone: "z", subZone: "s" }],
  [
    "the service's metadata",
    { Meta: { region: "r1", zone: "z1", sub_zone: "s1" } },
    { Meta: { region: "r2" } },
    { zone: "z3" },
    { region: "r1", zone: "z1", subZone: "s1" },
  ],
  [
    "Kubernetes' names",
    { Meta: { "topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": "z1" } },
    {},
    {},
    { region: "r1", zone: "z1", subZone: "" },
  ],
  [
    "the node's metadata",
    {},
    { Meta: { region: "r2", zone: "z2" } },
    { region: "r3" },
    { region: "r2", zone: "z2", subZone: "" },
  ],
  [
    "Locality of the service",
    { Locality: { Region: "r4", Zone: "z4" } },
    { Locality: { Region: "r5" } },
    {},
    { region: "r4", zone: "z4", subZone: "" },
  ],
  [
    "Locality of the node",
    { Locality: null },
    { Locality: { Region: "r5", Zone: "z5" } },
    {},
    { region: "r5", zone: "z5", subZone: "" },
  ],
  ["nothing usable", { Meta: { region: 5 }, Locality: "x" }, { Meta: [] }, {}, { region: "dc1", zone: "", subZone: "" }],
] as const)
  test(`locality from ${name}`, () => {
    const instance = instanceOf(row(service, { node }), { settings: { ...OPTIONS.settings, locality: settings } });
    assert.deepEqual(instance.locality, expected);
  });

for (const [name, service, defaultProtocol, port, protocol] of [
  ["the default", {}, "grpc", "grpc", "GRPC"],
  ["metadata", { Meta: { protocol: "HTTP2" }, Tags: ["protocol=tcp"] }, "http", "http2", "HTTP2"],
  ["a tag", { Tags: ["x", "protocol=tcp"] }, "http", "tcp", "TCP"],
  ["https, which is passed through", { Meta: { protocol: "https" } }, "http", "tls", "TLS"],
  ["an unknown one, which does not count", { Meta: { protocol: "constructor" } }, "tls", "tls", "TLS"],
] as const)
  test(`protocol from ${name}`, () => {
    const result = translate([row(service)], { ...OPTIONS, defaultProtocol });
    assert.deepEqual(result?.group?.ports, [{ name: port, port: 8080, protocol, inferred: true }]);
  });

test("the service's port is the one all share, else the lowest, for each protocol", () => {
  const result = translate(
    [row({ ID: "a", Port: 90 }), row({ ID: "b", Port: 80 }), row({ ID: "c", Port: 70, Tags: ["protocol=grpc"] })],
    OPTIONS,
  );
  assert.deepEqual(result?.group?.ports, [
    { name: "grpc", port: 70, protocol: "GRPC", inferred: true },
    { name: "http", port: 80, protocol: "HTTP", inferred: true },
  ]);
});

test("a service without an instance keeps its ports", () => {
  const knownPorts = [{ name: "http", port: 80, protocol: "HTTP" as const, inferred: true }];
  const result = translate([], { ...OPTIONS, knownPorts });
  assert.deepEqual(result?.group?.ports, knownPorts);
  assert.deepEqual(result?.group?.instances, []);
});

test("instances are in the order of their ids, whatever order Consul answers in", () => {
  const rows = [row({ ID: "b" }), row({ ID: "a" })];
  assert.deepEqual(translate(rows, OPTIONS), translate(rows.toReversed(), OPTIONS));
});

test("proxies and gateways are no instances, and a service of these alone is none", () => {
  const proxy = row({ Kind: "connect-proxy" });
  assert.equal(translate([proxy], OPTIONS)?.group, undefined);
  assert.equal(translate([proxy, row()], OPTIONS)?.group?.instances.length, 1);
});

test("instances must carry all tags asked for", () => {
  const rows = [row({ ID: "a", Tags: ["x", "y"] }), row({ ID: "b", Tags: ["x"] })];
  const result = translate(rows, { ...OPTIONS, tags: ["x", "y"] });
  assert.deepEqual(
    result?.group?.instances.map(({ id }) => id),
    ["n1/a"],
  );
});

const hostilePort = JSON.parse('{"toString":1,"valueOf":1}');
for (const [name, body, record] of [
  ["no object", 5, "row 1"],
  ["null", null, "row 1"],
  ["no node", { Service: { ID: "w1", Port: 80 } }, "row 1"],
  ["a list for a service", { Node: { Node: "n1" }, Service: [] }, "row 1"],
  ["no id", row({ ID: "" }), "row 1"],
  ["a number as id", row({ ID: 7 }), "row 1"],
  ["no name of the node", row({}, { node: { Node: null } }), "row 1"],
  ["a port as text", row({ Port: "80" }), "n1/w1"],
  ["no port", row({ Port: 0 }), "n1/w1"],
  ["too large a port", row({ Port: 65_536 }), "n1/w1"],
  ["a missing port", row({ Port: undefined }), "n1/w1"],
  ["a port that cannot be text", row({ Port: hostilePort }), "n1/w1"],
  ["no address at all", row({ Address: "" }, { node: { Address: 1 } }), "n1/w1"],
  ["checks that are no list", row({}, { checks: {} }), "row 1"],
  ["a check that is none", row({}, { checks: [null] }), "row 1"],
] as const)
  test(`a row with ${name} costs only itself`, () => {
    const result = translate([body, row({ ID: "good" })], OPTIONS);
    assert.deepEqual(
      result?.rejected.map((rejection) => rejection.record),
      [record],
    );
    assert.deepEqual(
      result?.group?.instances.map(({ id }) => id),
      ["n1/good"],
    );
  });

test("what is no list is no reply", () => {
  for (const body of [null, {}, "x", 5, undefined]) assert.equal(translate(body, OPTIONS), undefined);
});

test("no JSON makes it throw", () => {
  const part = fc.option(
    fc.oneof(
      fc.jsonValue(),
      fc.dictionary(
        fc.constantFrom("Node", "ID", "Port", "Address", "Tags", "Meta", "Weights", "Kind", "Locality"),
        fc.jsonValue(),
      ),
    ),
  );
  const hostile = fc.array(fc.oneof(fc.jsonValue(), fc.record({ Node: part, Service: part, Checks: part })));
  fc.assert(fc.property(hostile, (body) => assert.ok(translate(body, OPTIONS) !== undefined)));
});
