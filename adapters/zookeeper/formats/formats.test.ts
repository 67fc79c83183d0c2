/** Records as each system writes them, and the traps they have; then anything at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { detect } from "./auto.ts";
import { createFormat, FORMAT_NAMES, type FormatName } from "./index.ts";
import { readAll, sketch, treeView } from "./testing.ts";

const OPTIONS = { metadataRoot: "/dubbo/metadata", protocol: "HTTP", fields: undefined } as const;
const encoded = (url: string) => encodeURIComponent(url);
const provider = (iface: string, url: string) => `/dubbo/${iface}/providers/${encoded(url)}`;
const rule = (iface: string, url: string) => `/dubbo/${iface}/configurators/${encoded(url)}`;
const curator = (address: string, port: unknown, metadata: object = {}, more: object = {}) => ({
  name: "x",
  id: "x",
  address,
  port,
  payload: { "@class": "org.springframework.cloud.zookeeper.discovery.ZookeeperInstance", metadata },
  ...more,
});
const dubboApp = (address: string, endpoints: object[], revision?: string, storage = "remote") => ({
  name: "orders",
  address,
  port: 20880,
  payload: {
    "@class": "org.apache.dubbo.registry.zookeeper.ZookeeperInstance",
    metadata: {
      "dubbo.endpoints": JSON.stringify(endpoints),
      "dubbo.metadata.revision": revision,
      "dubbo.metadata.storage-type": storage,
    },
  },
});

const CASES: readonly (readonly [string, FormatName, string, Readonly<Record<string, unknown>>, readonly string[]])[] = [
  [
    "dubbo: protocols, weights, groups and versions of one interface",
    "dubbo",
    "/dubbo",
    {
      [provider("com.acme.Order", "dubbo://10.0.0.1:20880/com.acme.Order?group=g1&version=1.0.0&weight=50&methods=get,put")]:
        null,
      [provider("com.acme.Order", "tri://[2001:db8::7]:50051/ctx/com.acme.Order?group=g1&version=1.0.0")]: null,
      [provider("com.acme.Order", "rest://orders.lan:8080/com.acme.Order?version=0.0.0")]: null,
      "/dubbo/metadata/orders/r1": {},
      "/dubbo/com.acme.Order/consumers/consumer%3A%2F%2F10.9.9.9%2Fx": null,
    },
    [
      "com.acme.Order (com.acme.Order:1.0.0:g1) dubbo/TCP tri/GRPC",
      "  10.0.0.1 dubbo=20880 healthy 50",
      "  2001:db8::7 tri=50051 healthy 100",
      "com.acme.Order (com.acme.Order::) rest/HTTP",
      "  orders.lan rest=8080 healthy 100",
    ],
  ],
  [
    "dubbo: what is left out says why, and costs only itself",
    "dubbo",
    "/dubbo",
    {
      [provider("a.B", "dubbo://10.0.0.1:0/a.B")]: null,
      [provider("a.B", "dubbo://10.0.0.2:20880/a.B?enabled=false")]: null,
      [`/dubbo/a.B/providers/${encoded(encoded("dubbo://10.0.0.3:20880/a.B"))}`]: null,
      "/dubbo/a.B/providers/%E0%A4%A": null,
      "/dubbo/a.B/providers/nonsense": null,
      [provider("a.B", "dubbo://10.0.0.4:20880/a.B?weight=0")]: null,
    },
    [
      "a.B (a.B::) dubbo/TCP",
      "  10.0.0.4 dubbo=20880 draining 1",
      "  !its name is not percent-encoded text",
      "  !its name is encoded twice",
      "  !port 0 is not between 1 and 65535",
      "  !it is switched off (enabled=false)",
      "  !its name is no Dubbo URL",
    ],
  ],
  [
    "dubbo: operators' rules, the specific one last",
    "dubbo",
    "/dubbo",
    {
      [provider("a.B", "dubbo://10.0.0.1:20880/a.B?version=1.0.0")]: null,
      [provider("a.B", "dubbo://10.0.0.2:20880/a.B?version=1.0.0")]: null,
      [provider("a.B", "dubbo://10.0.0.3:20880/a.B?version=1.0.0")]: null,
      [rule("a.B", "override://0.0.0.0/a.B?category=configurators&weight=7&version=1.0.0")]: null,
      [rule("a.B", "override://10.0.0.2:20880/a.B?category=configurators&weight=9")]: null,
      [rule("a.B", "override://10.0.0.3:20880/a.B?category=configurators&disabled=true")]: null,
      [rule("a.B", "override://0.0.0.0/a.B?category=configurators&weight=1&version=2.0.0")]: null,
      [rule("a.B", "override://0.0.0.0/a.B?category=configurators&weight=2&enabled=false")]: null,
    },
    [
      "a.B (a.B:1.0.0:) dubbo/TCP",
      "  10.0.0.1 dubbo=20880 healthy 7",
      "  10.0.0.2 dubbo=20880 healthy 9",
      "  !an operator's rule disables it",
    ],
  ],
  [
    "services: Spring Cloud's status, secure port and zone; what is no record",
    "services",
    "/services",
    {
      "/services/billing/1": curator("billing-1.lan", 8080, { instance_status: "UP", zone: "a" }),
      "/services/billing/2": curator("10.0.0.2", null, { instance_status: "OUT_OF_SERVICE" }, { sslPort: 8443 }),
      "/services/billing/3": curator("10.0.0.3", 0),
      "/services/billing/4": "not json",
      "/services/billing/5": curator("10.0.0.5", 80, {}, { enabled: false }),
      "/services/empty": null,
    },
    [
      "billing (billing) http/HTTP https/TLS",
      "  billing-1.lan http=8080 healthy 1 zone=a",
      "  10.0.0.2 https=8443 draining 1",
      "  !it has no port between 1 and 65535",
      "  !its data is no Curator service instance",
      "  !it is switched off (enabled: false)",
      "empty (empty)",
    ],
  ],
  [
    "services: Dubbo 3 told by its content, interfaces by its metadata, and one that keeps its metadata to itself",
    "services",
    "/services",
    {
      "/services/orders/10.0.0.1:20880": dubboApp(
        "10.0.0.1",
        [
          { port: 20880, protocol: "dubbo" },
          { port: 50051, protocol: "tri" },
        ],
        "r1",
      ),
      "/services/orders/10.0.0.2:20880": dubboApp("10.0.0.2", [{ port: 20880, protocol: "dubbo" }], "r2", "local"),
      "/dubbo/metadata/orders/r1": {
        app: "orders",
        services: {
          "g1/com.acme.Order:1.0.0:dubbo": { name: "com.acme.Order", group: "g1", version: "1.0.0", protocol: "dubbo" },
          "com.acme.Order:tri": { name: "com.acme.Order", protocol: "tri" },
          broken: 7,
        },
      },
    },
    [
      "orders (orders) dubbo/TCP tri/GRPC",
      "  10.0.0.1 dubbo=20880 tri=50051 healthy 100",
      "  10.0.0.2 dubbo=20880 healthy 100",
      "com.acme.Order (orders/com.acme.Order:1.0.0:g1) dubbo/TCP",
      "  10.0.0.1 dubbo=20880 healthy 100",
      "com.acme.Order (orders/com.acme.Order::) tri/GRPC",
      "  10.0.0.1 tri=50051 healthy 100",
    ],
  ],
  [
    "serverset: further endpoints, states, a root that is itself the service",
    "serverset",
    "/aurora/web",
    {
      "/aurora/web/member_000": {
        serviceEndpoint: { host: "h1", port: 80 },
        additionalEndpoints: { admin: { host: "h1", port: 81 } },
        status: "ALIVE",
        shard: 3,
      },
      "/aurora/web/member_001": { serviceEndpoint: { host: "h2", port: 80 }, status: "DEAD" },
      "/aurora/web/member_002": { additionalEndpoints: {} },
    },
    [
      "web (web) admin/HTTP http/HTTP",
      "  h1 admin=81 http=80 healthy 1",
      "  h2 http=80 unhealthy 1",
      "  !it has no serviceEndpoint with host and port",
    ],
  ],
  [
    "nerve: services below a root, numbers as text",
    "nerve",
    "/nerve",
    {
      "/nerve/web/i-1": { host: "10.0.0.1", port: "9001", name: "i-1", weight: "3" },
      "/nerve/web/i-2": [],
      "/nerve/api/i-1": { host: "10.0.0.2", port: 9002 },
    },
    [
      "api (api) http/HTTP",
      "  10.0.0.2 http=9002 healthy 1",
      "web (web) http/HTTP",
      "  10.0.0.1 http=9001 healthy 3",
      "  !it has no host and port",
    ],
  ],
  [
    "apisix-seed: a list in one node",
    "apisix-seed",
    "/seed",
    { "/seed/web": [{ host: "10.0.0.1", port: 80, weight: 5 }, { host: "10.0.0.2", port: 80, weight: 0 }, 7], "/seed/bad": "{}" },
    [
      "bad (bad) http/HTTP",
      "  !its data is no JSON list",
      "web (web) http/HTTP",
      "  10.0.0.1 http=80 healthy 5",
      "  10.0.0.2 http=80 draining 1",
      "  !it has no host and port",
    ],
  ],
];

for (const [name, format, root, nodes, expected] of CASES)
  test(name, () => {
    const view = treeView(nodes);
    assert.deepEqual(readAll(createFormat(format, root, OPTIONS), view).flatMap(sketch), expected);
    if (format !== "json") assert.equal(detect(root, view), format, "told by its content");
    assert.deepEqual(readAll(createFormat("auto", root, OPTIONS), view).flatMap(sketch), expected, "as auto");
  });

test("services: a URI that writes https out makes the plain port TLS; the default one leaves it to the ports", () => {
  const uriSpec = (value: string, variable: boolean) => ({
    uriSpec: {
      parts: [
        { value, variable },
        { value: "://", variable: false },
      ],
    },
  });
  const view = treeView({
    "/services/a/1": curator("10.0.0.1", 8443, {}, uriSpec("https", false)),
    "/services/b/1": curator("10.0.0.2", 8080, {}, uriSpec("scheme", true)),
    "/services/c/1": curator("10.0.0.3", 8080, {}, { uriSpec: { parts: "none" } }),
  });
  assert.deepEqual(
    readAll(createFormat("services", "/services", OPTIONS), view).map(({ ports }) => ports),
    [[{ name: "https", protocol: "TLS" }], [{ name: "http", protocol: "HTTP" }], [{ name: "http", protocol: "HTTP" }]],
  );
});

test("json: fields by the settings, however deep, with a status and labels", () => {
  const fields = {
    host: "endpoint.ip",
    port: "endpoint.port",
    ports: { admin: "admin" },
    weight: "w",
    status: "state",
    healthy: ["on"],
    zone: "az",
    labels: "tags",
  };
  const view = treeView({
    "/x/web/1": {
      endpoint: { ip: "10.0.0.1", port: "80" },
      admin: 81,
      w: 4,
      state: "on",
      az: "b",
      tags: { tier: "gold", n: 1, deep: {} },
    },
    "/x/web/2": { endpoint: { ip: "10.0.0.2", port: 80 }, state: "off" },
    "/x/web/3": { endpoint: { port: 80 } },
    "/x/web/4": { endpoint: { ip: "10.0.0.4", port: 70000 } },
  });
  const [service] = readAll(createFormat("json", "/x", { ...OPTIONS, fields }), view);
  assert.deepEqual(service && sketch(service), [
    "web (web) admin/HTTP http/HTTP",
    "  10.0.0.1 admin=81 http=80 healthy 4 zone=b",
    "  10.0.0.2 http=80 unhealthy 1",
    "  !it has no endpoint.ip",
    "  !its endpoint.port is no port",
  ]);
  assert.deepEqual(service?.instances[0]?.labels, { tier: "gold", n: "1" });
});

test("labels that a name template and routes go by", () => {
  const url =
    "dubbo://10.0.0.1:20880/a.B?application=shop&group=g&version=2.0.0&methods=get,put&dubbo.tag=gray&timestamp=1690000000000&warmup=1000";
  const [service] = readAll(createFormat("dubbo", "/dubbo", OPTIONS), treeView({ [provider("a.B", url)]: null }));
  assert.deepEqual(service?.labels, { "dubbo.interface": "a.B", "dubbo.group": "g", "dubbo.version": "2.0.0" });
  assert.deepEqual(service?.instances[0]?.labels, {
    "dubbo.group": "g",
    "dubbo.version": "2.0.0",
    "dubbo.application": "shop",
    "dubbo.tag": "gray",
    "dubbo.methods": "get,put",
  });
  assert.deepEqual(service?.instances[0]?.warmup, { startedAt: 1_690_000_000_000, warmupMs: 1000 });
});

test("a unit that is gone gives nothing", () => {
  for (const name of FORMAT_NAMES) assert.deepEqual(createFormat(name, "/r", OPTIONS).read("gone", treeView({})), [], name);
});

test("property: whatever the nodes hold, no format throws, ids are unique, and the order of children means nothing", () => {
  const word = fc.oneof(fc.string(), fc.constantFrom("__proto__", "providers", "constructor", "%2F", "metadata"));
  const name = word.filter((text) => text !== "" && !text.includes("/"));
  const value = fc.oneof(
    fc.jsonValue(),
    fc.string(),
    fc.record({ host: word, port: fc.oneof(fc.integer(), fc.string()), weight: fc.double() }),
    fc.record({ address: word, port: fc.integer({ max: 70_000 }), payload: fc.record({ metadata: fc.jsonValue() }) }),
    fc.record({ serviceEndpoint: fc.record({ host: word, port: fc.integer() }), status: word }),
  );
  const url = fc
    .tuple(fc.constantFrom("dubbo", "tri", "override"), word, fc.integer({ max: 70_000 }), word)
    .map(([s, h, p, q]) => encodeURIComponent(`${s}://${h}:${p}/x?weight=${q}&version=${q}`).slice(0, 200));
  const path = fc.oneof(
    fc.tuple(name, name).map(([a, b]) => `/r/${a}/${b}`),
    fc.tuple(name, fc.constantFrom("providers", "configurators"), fc.oneof(url, name)).map(([a, b, c]) => `/r/${a}/${b}/${c}`),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(path, value), { maxLength: 12 }), (entries) => {
      const view = treeView(Object.fromEntries(entries));
      const reversed = { ...view, children: (at: string) => [...view.children(at)].reverse() };
      for (const format of FORMAT_NAMES) {
        const services = readAll(createFormat(format, "/r", OPTIONS), view);
        for (const { instances } of services) assert.equal(new Set(instances.map(({ id }) => id)).size, instances.length);
        assert.deepEqual(readAll(createFormat(format, "/r", OPTIONS), reversed), services);
      }
    }),
    { numRuns: 500 },
  );
});
