import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parse } from "yaml";
import { runCommand } from "../testing/run.ts";

const folder = mkdtempSync(join(tmpdir(), "meshbridge-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function configFile(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const GATEWAYS = `
gateways:
  - { name: edge, listeners: [ { name: http, port: 10000 } ] }
  - { name: inner, listeners: [ { name: http, port: 10001 } ] }
`;
const config = configFile(
  "plain.yaml",
  `mesh: { cluster: c7, network: n7, locality: { region: eu, zone: a, subZone: r1 } }\nxds: { listen: "0.0.0.0:18007", insecure: true }${GATEWAYS}`,
);
const TLS = "tls: { certFile: a.pem, keyFile: b.pem";
const secured = configFile("tls.yaml", `xds: { listen: "0.0.0.0:18007", ${TLS} } }${GATEWAYS}`);
const mutual = configFile("mtls.yaml", `xds: { listen: "0.0.0.0:18007", ${TLS}, clientCaFile: ca.pem } }${GATEWAYS}`);
const anyPort = configFile("any.yaml", `xds: { listen: "127.0.0.1:0" }${GATEWAYS}`);

const bootstrap = (...words: string[]) => runCommand(["bootstrap", ...words]);

test("the configuration gives address, cluster, network and locality; YAML unless asked otherwise", async () => {
  const { code, stdout, stderr } = await bootstrap("--role", "gateway", "--name", "edge", "-c", config);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const printed = parse(stdout);
  assert.equal(printed.node.id, "gateway-edge-host-1");
  assert.deepEqual(printed.node.locality, { region: "eu", zone: "a", sub_zone: "r1" });
  assert.equal(printed.node.metadata["meshbridge.io/cluster"], "c7");
  assert.equal(printed.node.metadata["meshbridge.io/network"], "n7");
  const [endpoint] = printed.static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints;
  assert.deepEqual(endpoint.endpoint.address.socket_address, { address: "127.0.0.1", port_value: 18007 });
  const json = await bootstrap("--role", "gateway", "--name", "edge", "-c", config, "-o", "json");
  assert.deepEqual(JSON.parse(json.stdout), printed);
});

test("flags win over the configuration, and a new region or zone takes what lies below along", async () => {
  const cases: readonly (readonly [string[], object])[] = [
    [[], { region: "eu", zone: "a", sub_zone: "r1" }],
    [["--zone", "b"], { region: "eu", zone: "b" }],
    [["--region", "us"], { region: "us" }],
    [["--region", "eu"], { region: "eu", zone: "a", sub_zone: "r1" }],
    [["--sub-zone", "r2"], { region: "eu", zone: "a", sub_zone: "r2" }],
  ];
  for (const [flags, locality] of cases) {
    const { stdout } = await bootstrap("--role", "sidecar", "-c", config, ...flags);
    assert.deepEqual(parse(stdout).node.locality, locality, flags.join(" "));
  }
  const words = ["--cluster", "c8", "--network", "n8", "--namespace", "shop", "--xds", "bridge.example.com:443"];
  const { stdout } = await bootstrap("--role", "sidecar", "--name", "web", "-c", config, ...words, "--inbound", "15006:8080");
  const printed = parse(stdout);
  assert.deepEqual(printed.node.metadata, {
    "meshbridge.io/role": "sidecar",
    "meshbridge.io/cluster": "c8",
    "meshbridge.io/network": "n8",
    "meshbridge.io/namespace": "shop",
    "meshbridge.io/inbound": "15006:8080",
  });
  assert.equal(printed.static_resources.clusters[0].type, "STRICT_DNS");
});

test("without a configuration --xds is enough; --sotw, --admin-port and --node-id are followed", async () => {
  const flags = ["--sotw", "--admin-port", "0", "--node-id", "x"];
  const { code, stdout } = await bootstrap("--role", "gateway", "--name", "edge", "--xds", "[::1]:18000", ...flags);
  assert.equal(code, 0);
  const printed = parse(stdout);
  assert.equal(printed.node.id, "x");
  assert.equal(printed.admin, undefined);
  assert.equal(printed.dynamic_resources.ads_config.api_type, "GRPC");
});

test("a gRPC bootstrap is JSON, whatever was asked", async () => {
  const { code, stdout } = await bootstrap("--role", "grpc", "--name", "shop", "-c", config, "-o", "yaml");
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).xds_servers[0].server_uri, "127.0.0.1:18007");
});

test("a configuration with TLS needs the client's files", async () => {
  const words = ["--role", "gateway", "--name", "edge", "--tls-ca", "/ca.pem"];
  assert.equal((await bootstrap(...words, "-c", secured)).code, 0);
  assert.equal((await bootstrap(...words, "--tls-cert", "/c.pem", "--tls-key", "/k.pem", "-c", mutual)).code, 0);
});

const MISTAKES: readonly (readonly [name: string, words: readonly string[], message: string])[] = [
  [
    "unknown gateway",
    ["--role", "gateway", "--name", "egde", "-c", config],
    `× MB_GATEWAY_UNKNOWN: the configuration ${config} has no gateway called egde\n  next: use one of its gateways: edge, inner\n`,
  ],
  ["no gateway name", ["--role", "gateway", "-c", config], usage("a gateway needs --name; the configuration has: edge, inner")],
  ["no role", ["-c", config], usage("required option '--role <role>' not specified")],
  [
    "unknown role",
    ["--role", "edge", "-c", config],
    usage("option '--role <role>' argument 'edge' is invalid. Allowed choices are gateway, eastWest, sidecar, grpc."),
  ],
  ["no bridge", ["--role", "sidecar"], usage("either -c FILE or --xds host:port says where the bridge is")],
  [
    "bad address",
    ["--role", "sidecar", "--xds", "bridge"],
    usage('--xds takes host:port, like bridge.example.com:18000 or [::1]:18000, not "bridge"'),
  ],
  [
    "inbound of a gateway",
    ["--role", "gateway", "--name", "edge", "-c", config, "--inbound", "1:2"],
    usage("--inbound is for sidecars only"),
  ],
  [
    "bad inbound",
    ["--role", "sidecar", "-c", config, "--inbound", "80:80"],
    usage('--inbound takes two different ports, listener:app, like 15006:8080, not "80:80"'),
  ],
  [
    "bad admin port",
    ["--role", "sidecar", "-c", config, "--admin-port", "70000"],
    usage('--admin-port takes a port, or 0 for none, not "70000"'),
  ],
  [
    "certificate without key",
    ["--role", "sidecar", "-c", config, "--tls-cert", "c"],
    usage("--tls-cert and --tls-key belong together"),
  ],
  [
    "certificate without authority",
    ["--role", "sidecar", "-c", config, "--tls-cert", "c", "--tls-key", "k"],
    usage("--tls-cert needs --tls-ca: whom the client shall believe to be the bridge"),
  ],
  [
    "TLS without authority",
    ["--role", "sidecar", "-c", secured],
    usage(`${secured} serves xDS over TLS: --tls-ca names the authority that signed its certificate`),
  ],
  [
    "mTLS without certificate",
    ["--role", "sidecar", "-c", mutual, "--tls-ca", "ca"],
    usage(`${mutual} asks clients for a certificate: --tls-cert and --tls-key name it`),
  ],
  [
    "any port",
    ["--role", "sidecar", "-c", anyPort],
    usage(`xds.listen of ${anyPort} takes any free port; say with --xds which one it took`),
  ],
];

function usage(reason: string): string {
  return `× MB_USAGE: ${reason}\n  next: \`meshbridge bootstrap --help\` shows what it takes\n`;
}

for (const [name, words, message] of MISTAKES) {
  test(`a mistake is told with what to do, exit 2: ${name}`, async () => {
    const { code, stdout, stderr } = await bootstrap(...words);
    assert.equal(stderr, message);
    assert.equal(stdout, "");
    assert.equal(code, 2);
  });
}

test("--on-demand is a sidecar's, over delta xDS", async () => {
  const asked = await bootstrap("--role", "sidecar", "-c", config, "--on-demand");
  assert.equal(parse(asked.stdout).node.metadata["meshbridge.io/on-demand"], "true");
  for (const [flags, reason] of [
    [["--role", "grpc", "--on-demand"], /for sidecars only/],
    [["--role", "sidecar", "--on-demand", "--sotw"], /needs delta xDS/],
  ] as const) {
    const { code, stderr } = await bootstrap(...flags, "-c", config);
    assert.notEqual(code, 0);
    assert.match(stderr, reason);
  }
});
