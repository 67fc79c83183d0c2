import assert from "node:assert/strict";
import { test } from "node:test";
import { locality } from "../model/locality.ts";
import { type BootstrapOptions, envoyBootstrap, grpcBootstrap, type Json } from "./bootstrap.ts";

const gateway: BootstrapOptions = {
  role: "gateway",
  name: "edge",
  nodeId: undefined,
  hostname: "host-1",
  xds: { host: "127.0.0.1", port: 18000 },
  cluster: "c1",
  network: "default",
  namespace: "default",
  locality: locality({ region: "eu", zone: "a" }),
  inbound: undefined,
  variant: "delta",
  adminPort: 9901,
  tls: undefined,
};

/** The value at a path of keys and indexes; undefined where the path ends early. */
function at(json: Json | undefined, ...path: (string | number)[]): Json | undefined {
  let value = json;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = new Map<string, Json>(Object.entries(value)).get(String(step));
  }
  return value;
}
const envoy = (changes: Partial<BootstrapOptions>) => envoyBootstrap({ ...gateway, ...changes });
const xdsCluster = ["static_resources", "clusters", 0] as const;

test("a gateway says what it is and reads listeners and clusters over one delta stream", () => {
  const bootstrap = envoy({});
  assert.deepEqual(at(bootstrap, "node"), {
    id: "gateway-edge-host-1",
    cluster: "edge",
    client_features: ["xds.config.supports-resource-ttl"],
    locality: { region: "eu", zone: "a" },
    metadata: {
      "meshbridge.io/role": "gateway",
      "meshbridge.io/gateway": "edge",
      "meshbridge.io/cluster": "c1",
      "meshbridge.io/network": "default",
      "meshbridge.io/namespace": "default",
    },
  });
  assert.deepEqual(at(bootstrap, "admin"), { address: { socket_address: { address: "127.0.0.1", port_value: 9901 } } });
  const ads = at(bootstrap, "dynamic_resources", "ads_config");
  assert.equal(at(ads, "api_type"), "DELTA_GRPC");
  assert.equal(at(ads, "transport_api_version"), "V3");
  assert.equal(at(ads, "set_node_on_first_message_only"), true);
  assert.equal(at(ads, "grpc_services", 0, "envoy_grpc", "cluster_name"), at(bootstrap, ...xdsCluster, "name"));
  for (const type of ["lds_config", "cds_config"]) {
    assert.deepEqual(at(bootstrap, "dynamic_resources", type), { ads: {}, resource_api_version: "V3" });
  }
});

test("a sidecar on demand says so, and asks for no cluster before it needs one", () => {
  const bootstrap = envoy({ role: "sidecar", onDemand: true });
  assert.equal(at(bootstrap, "node", "metadata", "meshbridge.io/on-demand"), "true");
  assert.equal(at(bootstrap, "dynamic_resources", "cds_config"), undefined);
  assert.equal(at(envoy({ role: "sidecar" }), "node", "metadata", "meshbridge.io/on-demand"), undefined);
});

test("the bridge is dialled over HTTP/2 with pings, by address or by name", () => {
  const options = ["typed_extension_protocol_options", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
  for (const [host, type] of [
    ["127.0.0.1", "STATIC"],
    ["2001:db8::1", "STATIC"],
    ["bridge.example.com", "STRICT_DNS"],
    ["1", "STRICT_DNS"],
  ] as const) {
    const cluster = at(envoy({ xds: { host, port: 18000 } }), ...xdsCluster);
    assert.equal(at(cluster, "type"), type, host);
    assert.deepEqual(at(cluster, "load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint", "address"), {
      socket_address: { address: host, port_value: 18000 },
    });
    const http2 = at(cluster, ...options, "explicit_http_config", "http2_protocol_options");
    assert.deepEqual(http2, { connection_keepalive: { interval: "30s", timeout: "10s" } });
  }
});

test("choices of the command show: id, state of the world, no admin interface", () => {
  const bootstrap = envoy({ nodeId: "my-id", variant: "sotw", adminPort: 0 });
  assert.equal(at(bootstrap, "node", "id"), "my-id");
  assert.equal(at(bootstrap, "dynamic_resources", "ads_config", "api_type"), "GRPC");
  assert.equal(at(bootstrap, "admin"), undefined);
});

test("a sidecar names its inbound ports and no gateway", () => {
  const bootstrap = envoy({ role: "sidecar", name: "", namespace: "shop", inbound: { port: 15006, appPort: 8080 } });
  assert.equal(at(bootstrap, "node", "id"), "sidecar-host-1");
  assert.equal(at(bootstrap, "node", "cluster"), "sidecar");
  assert.deepEqual(at(bootstrap, "node", "metadata"), {
    "meshbridge.io/role": "sidecar",
    "meshbridge.io/cluster": "c1",
    "meshbridge.io/network": "default",
    "meshbridge.io/namespace": "shop",
    "meshbridge.io/inbound": "15006:8080",
  });
});

test("TLS checks that the certificate is the bridge's own, and shows ours when there is one", () => {
  const tls = { caFile: "/ca.pem", certFile: "/c.pem", keyFile: "/k.pem" };
  const context = (host: string) => at(envoy({ tls, xds: { host, port: 1 } }), ...xdsCluster, "transport_socket", "typed_config");
  const named = context("bridge.example.com");
  assert.equal(at(named, "sni"), "bridge.example.com");
  assert.deepEqual(at(named, "common_tls_context"), {
    alpn_protocols: ["h2"],
    tls_certificates: [{ certificate_chain: { filename: "/c.pem" }, private_key: { filename: "/k.pem" } }],
    validation_context: {
      trusted_ca: { filename: "/ca.pem" },
      match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "bridge.example.com" } }],
    },
  });
  const numbered = context("10.0.0.1");
  assert.equal(at(numbered, "sni"), undefined);
  assert.deepEqual(at(numbered, "common_tls_context", "validation_context", "match_typed_subject_alt_names"), [
    { san_type: "IP_ADDRESS", matcher: { exact: "10.0.0.1" } },
  ]);
  const through = at(
    envoy({ tls: { ...tls, serverName: "bridge.mesh.local" }, xds: { host: "gw", port: 1 } }),
    ...xdsCluster,
    "transport_socket",
    "typed_config",
  );
  assert.equal(at(through, "sni"), "bridge.mesh.local");
  assert.deepEqual(at(through, "common_tls_context", "validation_context", "match_typed_subject_alt_names"), [
    { san_type: "DNS", matcher: { exact: "bridge.mesh.local" } },
  ]);
  const serverOnly = envoy({ tls: { caFile: "/ca.pem", certFile: undefined, keyFile: undefined } });
  const common = at(serverOnly, ...xdsCluster, "transport_socket", "typed_config", "common_tls_context");
  assert.equal(at(common, "tls_certificates"), undefined);
});

test("a gRPC client gets the bootstrap of gRFC A27", () => {
  const options: BootstrapOptions = { ...gateway, role: "grpc", name: "checkout", locality: locality({ subZone: "r1" }) };
  assert.deepEqual(grpcBootstrap(options), {
    xds_servers: [{ server_uri: "127.0.0.1:18000", channel_creds: [{ type: "insecure" }], server_features: ["xds_v3"] }],
    node: {
      id: "grpc-checkout-host-1",
      cluster: "checkout",
      locality: { sub_zone: "r1" },
      metadata: {
        "meshbridge.io/role": "grpc",
        "meshbridge.io/cluster": "c1",
        "meshbridge.io/network": "default",
        "meshbridge.io/namespace": "default",
      },
    },
  });
  const secured = grpcBootstrap({
    ...options,
    xds: { host: "::1", port: 18000 },
    tls: { caFile: "/ca.pem", certFile: "/c.pem", keyFile: "/k.pem" },
  });
  assert.equal(at(secured, "xds_servers", 0, "server_uri"), "[::1]:18000");
  assert.deepEqual(at(secured, "xds_servers", 0, "channel_creds"), [
    { type: "tls", config: { ca_certificate_file: "/ca.pem", certificate_file: "/c.pem", private_key_file: "/k.pem" } },
  ]);
});
