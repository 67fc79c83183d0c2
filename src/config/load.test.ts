import assert from "node:assert/strict";
import { test } from "node:test";
import { type TObject, Type } from "typebox";
import { Value } from "typebox/value";
import { AS_THEY_ARE } from "../registry/naming.ts";
import { DEFAULT_PROTECTION, DEFAULT_STALENESS } from "../registry/settings.ts";
import { DEFAULT_POLICY } from "../routing/policy.ts";
import { redact } from "./redact.ts";
import { configSchema, inputSchema, registrySchema } from "./schema.ts";
import { configOf, consulLike, fileLike } from "./testing.ts";

const EXAMPLE = `
mesh:  { domain: mesh.local, cluster: c1, network: default, locality: { region: eu, zone: a } }
xds:   { listen: 127.0.0.1:18000 }            # tls: { certFile, keyFile, clientCaFile }
admin: { listen: 127.0.0.1:8080 }             # or unix:/path
registries:
  - { kind: file, name: local, path: ./services.yaml }
  - { kind: consul, name: consul-eu, address: http://127.0.0.1:8500, datacenters: [dc1], token: { fromEnv: CONSUL_TOKEN }, addresses: { allow: [127.0.0.0/8] } }
gateways:
  - name: edge
    listeners: [ { name: http, address: 0.0.0.0, port: 10000, protocol: HTTP } ]       # HTTP, TCP, TLS
    routes:
      - { hosts: [web.example.com], service: default/web, port: http }
services:                                       # first match wins
  - { match: "default/*", loadBalancer: leastRequest, outlierDetection: { consecutive5xx: 5 }, protocol: HTTP }
`;

test("the documented example, wholly", () => {
  const config = configOf(EXAMPLE);
  assert.deepEqual(config.mesh, {
    domain: "mesh.local",
    cluster: "c1",
    network: "default",
    locality: { region: "eu", zone: "a", subZone: "" },
  });
  assert.deepEqual(config.xds, {
    listen: { kind: "tcp", host: "127.0.0.1", port: 18000 },
    tls: undefined,
    identities: [],
    tokens: undefined,
    insecure: false,
    reusePort: false,
    syncTimeoutMs: 30_000,
    clusterTtlMs: undefined,
    clientStatus: false,
    recordTo: undefined,
  });
  assert.deepEqual(config.admin, { listen: { kind: "tcp", host: "127.0.0.1", port: 8080 }, insecure: false });
  assert.deepEqual(config.log, { level: "info", format: undefined });
  assert.equal(config.baseDir, "/etc/mb");
  assert.deepEqual(config.registries, [
    {
      name: "local",
      kind: "file",
      adapter: fileLike,
      config: { path: "./services.yaml" },
      settings: {
        namespace: "default",
        cluster: "c1",
        network: "default",
        locality: { region: "eu", zone: "a" },
        addresses: { allow: [], deny: [] },
        trusted: true,
        holdForMs: 120_000,
        protection: undefined,
        staleness: DEFAULT_STALENESS,
        required: true,
        naming: AS_THEY_ARE,
      },
    },
    {
      name: "consul-eu",
      kind: "consul",
      adapter: consulLike,
      config: { address: "http://127.0.0.1:8500", datacenters: ["dc1"], token: { fromEnv: "CONSUL_TOKEN" } },
      settings: {
        namespace: "default",
        cluster: "c1",
        network: "default",
        locality: { region: "eu", zone: "a" },
        addresses: { allow: ["127.0.0.0/8"], deny: [] },
        trusted: false,
        holdForMs: 120_000,
        protection: DEFAULT_PROTECTION,
        staleness: DEFAULT_STALENESS,
        required: true,
        naming: AS_THEY_ARE,
      },
    },
  ]);
  assert.deepEqual(config.traffic.gateways, [
    {
      name: "edge",
      kind: "edge",
      listeners: [{ name: "http", address: "0.0.0.0", port: 10000, protocol: "HTTP" }],
      routes: [
        {
          hosts: ["web.example.com"],
          listeners: [],
          path: { kind: "prefix", value: "/" },
          headers: [],
          backends: [{ service: { namespace: "default", name: "web" }, port: "http", weight: 1 }],
          timeoutMs: undefined,
          retries: undefined,
          prefixRewrite: undefined,
        },
      ],
    },
  ]);
  assert.deepEqual(config.traffic.sidecar, { outbound: { address: "127.0.0.1", port: 15001 } });
  assert.deepEqual(config.traffic.policyOf({ namespace: "default", name: "web" }), {
    ...DEFAULT_POLICY,
    match: "default/*",
    loadBalancer: "leastRequest",
    protocol: "HTTP",
    outlierDetection: {
      consecutive5xx: 5,
      consecutiveGatewayFailure: undefined,
      intervalMs: 10_000,
      baseEjectionMs: 30_000,
      maxEjectionPercent: 10,
    },
  });
});

test("an empty map is a configuration of defaults", () => {
  const config = configOf("{}\n");
  assert.deepEqual(config.registries, []);
  assert.equal(config.traffic.domain, "mesh.local");
  assert.equal(config.traffic.policyOf({ namespace: "a", name: "b" }), DEFAULT_POLICY);
});

test("the defaults of the code are those of the schema", () => {
  const { match: _, ...written } = configOf("services: [ { match: '*' } ]\n").traffic.policyOf({ namespace: "a", name: "b" });
  const { match: __, ...unwritten } = DEFAULT_POLICY;
  assert.deepEqual(written, unwritten);
});

test("every form of a route", () => {
  const [gateway] = configOf(`
gateways:
  - name: edge
    listeners: [ { name: http, port: 80 }, { name: db, port: 5432, protocol: TCP } ]
    routes:
      - hosts: [WWW.Example.com, "*.example.org", "*"]
        listeners: http
        prefix: /api
        prefixRewrite: /
        headers:
          - { name: X-A, exact: a }
          - { name: x-b, prefix: b }
          - { name: x-c, present: true }
          - { name: x-d, present: false }
          - { name: x-e, absent: true }
          - { name: x-f, absent: false }
        services: [ { service: default/a, port: 8080, weight: 3 }, { service: shop/b } ]
        timeout: 0s
        retries: { attempts: 3, on: "5xx, reset", perTryTimeout: 250ms }
      - { path: /exact, service: default/a, listeners: [http, http], retries: {} }
      - { listeners: [db], service: default/db }
`).traffic.gateways;
  assert.deepEqual(gateway?.routes[0], {
    hosts: ["www.example.com", "*.example.org", "*"],
    listeners: ["http"],
    path: { kind: "prefix", value: "/api" },
    headers: [
      { name: "x-a", kind: "exact", value: "a" },
      { name: "x-b", kind: "prefix", value: "b" },
      { name: "x-c", kind: "present", value: "" },
      { name: "x-d", kind: "absent", value: "" },
      { name: "x-e", kind: "absent", value: "" },
      { name: "x-f", kind: "present", value: "" },
    ],
    backends: [
      { service: { namespace: "default", name: "a" }, port: 8080, weight: 3 },
      { service: { namespace: "shop", name: "b" }, port: undefined, weight: 1 },
    ],
    timeoutMs: 0,
    retries: { attempts: 3, on: "5xx,reset", perTryTimeoutMs: 250, resets: "idempotent" },
    prefixRewrite: "/",
  });
  assert.deepEqual(gateway?.routes[1]?.path, { kind: "exact", value: "/exact" });
  assert.deepEqual(gateway?.routes[1]?.retries, {
    attempts: 2,
    on: "connect-failure,refused-stream,unavailable,cancelled",
    perTryTimeoutMs: undefined,
    resets: "idempotent",
  });
  assert.deepEqual(gateway?.routes[2]?.listeners, ["db"]);
});

test("of the policies the first match counts, alone", () => {
  const { policyOf } = configOf(`
services:
  - { match: default/web, panicThreshold: 50 }
  - { match: "default/*", loadBalancer: random, circuitBreaker: { maxRetries: 0 }, connectTimeout: 1s, merge: priority }
  - { match: "*", loadBalancer: maglev }
`).traffic;
  const of = (namespace: string, name: string) => policyOf({ namespace, name });
  assert.deepEqual([of("default", "web").panicThreshold, of("default", "web").loadBalancer], [50, "roundRobin"]);
  assert.deepEqual(
    [of("default", "api").loadBalancer, of("default", "api").connectTimeoutMs, of("default", "api").merge.mode],
    ["random", 1000, "priority"],
  );
  assert.equal(of("shop", "api").loadBalancer, "maglev");
  assert.equal(of("shop", "api"), of("shop", "api"));
  assert.deepEqual(of("default", "api").circuitBreaker, {
    maxConnections: undefined,
    maxPendingRequests: undefined,
    maxRequests: undefined,
    maxRetries: 0,
  });
});

test("flags count before the environment, that before the file, that before defaults; each value says where it is from", () => {
  const config = configOf("xds: { listen: 127.0.0.1:1, syncTimeout: 5s }\nlog: { level: warn }\n", {
    env: {
      MESHBRIDGE_XDS_LISTEN: "127.0.0.1:2",
      MESHBRIDGE_LOG_LEVEL: "debug",
      MESHBRIDGE_MESH_LOCALITY_REGION: "eu",
      MESHBRIDGE_ADMIN_LISTEN: "",
    },
    flags: new Map([["xds.listen", "127.0.0.1:3"]]),
  });
  assert.equal(config.xds.listen.port, 3);
  assert.equal(config.log.level, "debug");
  assert.equal(config.mesh.locality.region, "eu");
  assert.deepEqual(
    ["xds.listen", "log.level", "xds.syncTimeout", "mesh.locality.region", "admin.listen"].map((path) =>
      config.origins.get(path),
    ),
    [
      { kind: "flag", name: "--xds-listen" },
      { kind: "env", name: "MESHBRIDGE_LOG_LEVEL" },
      { kind: "file", name: "/etc/mb/meshbridge.yaml:1:42" },
      { kind: "env", name: "MESHBRIDGE_MESH_LOCALITY_REGION" },
      { kind: "default", name: "" },
    ],
  );
});

test("the environment reaches every single value of its sections, typed", () => {
  const config = configOf("{}\n", {
    env: {
      MESHBRIDGE_XDS_LISTEN: "0.0.0.0:1",
      MESHBRIDGE_XDS_INSECURE: "true",
      MESHBRIDGE_XDS_TLS_CERT_FILE: "certs/a.pem",
      MESHBRIDGE_XDS_TLS_KEY_FILE: "/certs/b.pem",
      MESHBRIDGE_ADMIN_LISTEN: "unix:/run/mb.sock",
      MESHBRIDGE_MESH_CLUSTER: "c9",
      MESHBRIDGE_LOG_FORMAT: "pretty",
      MESHBRIDGE_TEST_ANYTHING: "not ours to judge",
    },
  });
  assert.deepEqual(config.xds, {
    listen: { kind: "tcp", host: "0.0.0.0", port: 1 },
    tls: { certFile: "/etc/mb/certs/a.pem", keyFile: "/certs/b.pem", clientCaFile: undefined },
    identities: [],
    tokens: undefined,
    insecure: true,
    reusePort: false,
    syncTimeoutMs: 30_000,
    clusterTtlMs: undefined,
    clientStatus: false,
    recordTo: undefined,
  });
  assert.deepEqual(config.admin.listen, { kind: "unix", path: "/run/mb.sock" });
  assert.deepEqual([config.mesh.cluster, config.log.format], ["c9", "pretty"]);
});

test("a flag for a setting that there is not is a mistake of the program", () => {
  assert.throws(() => configOf("{}\n", { flags: new Map([["gateways", "x"]]) }), TypeError);
});

test("an adapter cannot take a key that every registry has", () => {
  const schema = Type.Object({ namespace: Type.String() });
  assert.throws(() => registrySchema({ ...consulLike, schema }), /adapter consul: its setting "namespace"/);
});

test("the trafficKey differs exactly when traffic does", () => {
  const key = (text: string) => configOf(text).trafficKey;
  assert.equal(key(EXAMPLE), key(`# moved\n${EXAMPLE}`));
  assert.equal(key("{}\n"), key("log: { level: debug }\nxds: { listen: 127.0.0.1:5 }\nmesh: { cluster: c2 }\n"));
  for (const text of ["mesh: { domain: x }\n", "services: [ { match: a/b } ]\n", "sidecar: { outbound: { port: 1 } }\n"])
    assert.notEqual(key("{}\n"), key(text));
});

test("what the file may leave out is exactly what has a default", () => {
  const schema: TObject = configSchema([fileLike, consulLike]);
  const input = inputSchema(schema);
  assert.equal(Value.Check(input, {}), true);
  assert.equal(Value.Check(schema, Value.Default(schema, {})), true);
  const text = JSON.stringify(input);
  assert.match(text, /"required":\["kind","name","path"\]/);
  assert.doesNotMatch(text, /"required":\[[^\]]*"weight"/);
});

test("every key is described, and no object takes keys it does not know", () => {
  const missing: string[] = [];
  const visit = (node: unknown, path: string) => {
    if (typeof node !== "object" || node === null) return;
    const { type, properties, additionalProperties } = node as Readonly<Record<string, unknown>>;
    if (type === "object" && properties !== undefined && additionalProperties !== false) missing.push(`${path} is open`);
    for (const [key, child] of Object.entries(
      (properties ?? {}) as Readonly<Record<string, { description?: string; const?: unknown }>>,
    ))
      if (child.description === undefined && child.const === undefined && !/(fromEnv|fromFile|\.path)$/.test(`${path}.${key}`))
        missing.push(`${path}.${key} is not described`);
    for (const [key, child] of Object.entries(node)) if (key !== "default") visit(child, `${path}.${key}`);
  };
  visit(configSchema([fileLike, consulLike]), "");
  assert.deepEqual(missing, []);
});

test("what is shown has no secret in it", () => {
  const shown = redact({
    registries: [
      { address: "http://user:pass@consul:8500/x?token=abc&dc=1", token: { fromEnv: "CONSUL_TOKEN" } },
      { address: "https://only-user@consul", token: "literal", password: 5, nested: { apiKey: ["a", "b"] } },
      { address: "http://user:pa ss@not quite a url", "x-consul-token": { value: "abc" } },
    ],
    xds: { tls: { certFile: "/a.pem", keyFile: "/b.pem" } },
    plain: ["text", 1, true, null, "a@b"],
  });
  assert.deepEqual(shown, {
    registries: [
      { address: "http://[redacted]@consul:8500/x?token=[redacted]&dc=1", token: { fromEnv: "CONSUL_TOKEN" } },
      {
        address: "https://[redacted]@consul",
        token: "[redacted]",
        password: "[redacted]",
        nested: { apiKey: ["[redacted]", "[redacted]"] },
      },
      { address: "http://[redacted]@not quite a url", "x-consul-token": { value: "[redacted]" } },
    ],
    xds: { tls: { certFile: "/a.pem", keyFile: "/b.pem" } },
    plain: ["text", 1, true, null, "a@b"],
  });
});

test("protection and staleness: what is written counts, the rest is the default", () => {
  const settingsOf = (extra: string) =>
    configOf(`registries:\n  - { name: c, kind: consul, ${extra} }\n`).registries[0]?.settings;
  assert.deepEqual(settingsOf("protection: { share: 30, window: 1m }")?.protection, {
    ...DEFAULT_PROTECTION,
    share: 0.3,
    windowMs: 60_000,
  });
  assert.equal(settingsOf("protection: { enabled: false }")?.protection, undefined);
  assert.equal(settingsOf("staleness: { enabled: false }")?.staleness, undefined);
  assert.equal(settingsOf("staleness: { removeAfter: 200h }")?.staleness?.removeAfterMs, 720_000_000);
  assert.equal(settingsOf("required: false")?.required, false);
});

test("a registry's templates: what is written counts, and a placeholder that is none is refused", () => {
  const namingOf = (extra: string) =>
    configOf(`registries:\n  - { name: c, kind: consul, ${extra} }\n`).registries[0]?.settings.naming;
  assert.deepEqual(namingOf('serviceName: "{name}-{label.group}", hostNames: ["{name}.service.consul"]'), {
    serviceName: "{name}-{label.group}",
    serviceNamespace: undefined,
    hostNames: ["{name}.service.consul"],
  });
  assert.throws(() => namingOf('serviceName: "{nome}"'), /must be letters, digits/);
});
