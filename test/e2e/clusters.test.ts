/** Three clusters on three networks, joined by gateways that see nothing but server names. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import type { Explanation } from "../../src/admin/explain.ts";
import { type Cluster, GATEWAY_PORT, type Mesh, startMesh, webService } from "../support/clusters.ts";
import { startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { ask } from "../support/http.ts";
import { namespacesMissing } from "../support/namespaces.ts";
import { freePorts } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";

const { skip: noServer } = requireServers("envoy");
const skip = noServer || namespacesMissing();

const POLICY = { match: "shop/*", tls: "mutual" };
/** Every cluster has `web`, and a service of its own that only it has. */
const services = (number: number) => [
  webService(number, { name: `only${number}` }),
  { ...webService(number, { name: "secret" }), namespace: "inside" },
];

describe("three clusters joined by gateways", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let mesh: Mesh;
  const cluster = (number: number) => mesh.clusters[number - 1] as Cluster;

  before(async () => {
    // Who calls `only2` expects its name, which the certificate of c2's workload has besides web's; c3's has another.
    const san = (number: number) => `spiffe://mesh.local/ns/shop/sa/${number === 3 ? "web" : `only${number}`}`;
    const config = {
      services: [
        { match: "shop/only3", tls: "mutual" },
        { match: "shop/only2", tls: "mutual", mirrors: true, retries: { attempts: 2 } },
        { match: "shop/hop", tls: "mutual", redirect: { service: "shop/only2" }, gatewayMode: "local" },
        { match: "shop/pinned", tls: "mutual", redirect: { service: "shop/only2", cluster: "c2" } },
        { match: "shop/only1", tls: "mutual", failover: { services: ["shop/only2"] }, retries: { attempts: 2 } },
        { ...POLICY, retries: { attempts: 2 } },
        { match: "inside/*", tls: "mutual" },
      ],
    };
    mesh = await startMesh({ count: 3, config, services, san }, scope);
  });
  after(() => scope.disposeAsync());

  test("a request from each cluster to a service that only another one has arrives there, end to end by mutual TLS", async () => {
    for (const from of mesh.clusters)
      for (const to of [1, 2])
        await eventually(`c${from.number} reaches c${to}`, async () => {
          const reply = await from.ask(`only${to}.shop`);
          assert.equal(reply.body, `c${to}`, `${reply.status}`);
        });
  });

  test("a workload with another service's name is not believed", async () => {
    const reply = await cluster(1).ask("only3.shop");
    assert.equal(reply.status, 503);
    const stats = await cluster(1).sidecar.stats("cluster\\.shop/only3/http\\.ssl\\.fail_verify_san");
    assert.ok(
      [...stats.values()].some((count) => count > 0),
      JSON.stringify([...stats]),
    );
  });

  test("what is not exported is in no assignment, and refused by the gateway without a question to the bridge", async () => {
    const hosts = await cluster(1).sidecar.hosts("inside/secret/http");
    assert.deepEqual(
      hosts.map(({ address }) => address),
      ["10.1.0.1:15006"],
    );
    const [gateway] = cluster(2).gateways;
    assert.ok(gateway !== undefined);
    const refused = await handshake(cluster(2), "http.secret.inside.port.mesh.local", mesh);
    assert.equal(refused, "closed");
    const known = [...(await gateway.clusters()).keys()];
    assert.ok(!known.some((name) => name.includes("secret")), known.join(" "));
  });

  test("Istio's, Consul's and our names lead to the same service through one port; a made-up one leads nowhere", async () => {
    for (const name of [
      "http.web.shop.port.mesh.local",
      "web.shop.mesh.local",
      "outbound_.80_._.web.shop.svc.cluster.local",
      "web.shop.dc1.internal.11111111-2222-3333-4444-555555555555.consul",
      "web.shop.default.cloud.external.11111111-2222-3333-4444-555555555555.consul",
    ])
      assert.equal(await handshake(cluster(2), name, mesh), "spiffe://mesh.local/ns/shop/sa/only2", name);
    assert.equal(await handshake(cluster(2), "http.nosuch.shop.port.mesh.local", mesh), "closed");
    assert.equal(await handshake(cluster(2), "outbound_.80_._.web.other.svc.cluster.local", mesh), "closed");
  });

  test("an Envoy set up as Istio's sidecar and one set up as Consul's proxy call through the same port", async () => {
    const dialects = [
      { sni: "outbound_.80_._.web.shop.svc.cluster.local", alpn: ["istio-peer-exchange", "istio"] },
      { sni: "web.shop.dc1.internal.11111111-2222-3333-4444-555555555555.consul", alpn: [] },
    ];
    const ports = await freePorts(dialects.length);
    const { workloadPair, ca } = mesh;
    const tls = (sni: string, alpn: readonly string[]) => ({
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni,
      common_tls_context: {
        alpn_protocols: alpn,
        tls_certificates: [
          { certificate_chain: { inline_string: workloadPair.cert }, private_key: { inline_string: workloadPair.key } },
        ],
        validation_context: {
          trusted_ca: { inline_string: ca.cert },
          match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: "spiffe://mesh.local/ns/shop/sa/only2" } }],
        },
      },
    });
    const at = (address: string, port_value: number | undefined) => ({ socket_address: { address, port_value } });
    const bootstrap = {
      static_resources: {
        listeners: ports.map((port, index) => ({
          name: `l${index}`,
          address: at("127.0.0.1", port),
          filter_chains: [
            {
              filters: [
                {
                  name: "envoy.filters.network.tcp_proxy",
                  typed_config: {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                    stat_prefix: "t",
                    cluster: `c${index}`,
                  },
                },
              ],
            },
          ],
        })),
        clusters: dialects.map(({ sni, alpn }, index) => ({
          name: `c${index}`,
          load_assignment: {
            cluster_name: `c${index}`,
            endpoints: [{ lb_endpoints: [{ endpoint: { address: at(cluster(2).namespace.address, GATEWAY_PORT) } }] }],
          },
          transport_socket: { name: "envoy.transport_sockets.tls", typed_config: tls(sni, alpn) },
        })),
      },
    };
    await startEnvoy({ bootstrap: JSON.stringify(bootstrap), title: "foreign clients" }, scope);
    for (const [index, { sni }] of dialects.entries())
      await eventually(`${sni} is answered`, async () =>
        assert.equal((await ask(`http://127.0.0.1:${ports[index]}/`)).body, "c2"),
      );
  });

  test("a service that comes after it was asked for is served", async () => {
    assert.equal(await handshake(cluster(2), "http.late.shop.port.mesh.local", mesh), "closed");
    await cluster(2).writeServices([webService(2), ...services(2), webService(2, { name: "late" })]);
    await eventually("it is reached", async () =>
      assert.equal(await handshake(cluster(2), "http.late.shop.port.mesh.local", mesh), "spiffe://mesh.local/ns/shop/sa/only2"),
    );
  });

  test("a mirror, a redirect to one cluster and a service that stands in lead through the gateway by their own service's name", async () => {
    for (const host of ["only2-c2.shop", "pinned.shop"])
      for (const from of [1, 3])
        await eventually(`${host} from c${from}`, async () => assert.equal((await cluster(from).ask(host)).body, "c2"));
    assert.equal((await cluster(3).ask("only1.shop")).body, "c1");
    await cluster(1).writeServices([webService(1)]);
    await eventually("only2 stands in for only1", async () => assert.equal((await cluster(3).ask("only1.shop")).body, "c2"));
    await cluster(1).writeServices([webService(1), ...services(1)]);
    await eventually("only1 is back", async () => assert.equal((await cluster(3).ask("only1.shop")).body, "c1"));
  });

  test("gateway mode local: the client's own gateway passes on to the other network's", async () => {
    await eventually("c1 reaches c2 in two hops", async () => assert.equal((await cluster(1).ask("hop.shop")).body, "c2"));
    const hosts = await cluster(1).sidecar.hosts("shop/hop/http");
    assert.deepEqual(
      hosts.map(({ address }) => address),
      [`${cluster(1).namespace.address}:${GATEWAY_PORT}`],
    );
  });

  test("explain says for a node why each endpoint has its priority, weight, health and server name", async () => {
    const { bridge } = cluster(1);
    const { items: proxies } = await bridge.get<{ items: { id: string; role: string }[] }>("/v1/proxies");
    const node = proxies.find(({ role }) => role === "sidecar")?.id ?? "";
    const explained = await bridge.get<Explanation>(`/v1/explain?service=shop/web&node=${node}`);
    const rows = explained.instances.map(({ cluster: place, priority, endpoint, health }) => [
      place,
      priority,
      endpoint,
      health.client,
    ]);
    assert.deepEqual(rows, [
      [
        "c1",
        0,
        { ...{ address: "10.1.0.1", port: 15006, weight: 1, gateway: null }, sni: "http.web.shop.port.mesh.local" },
        "healthy",
      ],
      ...[2, 3].map((number) => {
        const { address } = cluster(number).namespace;
        const endpoint = { address, port: GATEWAY_PORT, weight: 1, gateway: address, sni: "http.web.shop.port.mesh.local" };
        return [`c${number}`, 1, endpoint, "healthy"];
      }),
    ]);
    assert.match(explained.instances[1]?.reason ?? "", /on network n2, through .*in another cluster and region/);
  });

  test("no Envoy refused anything", async () => {
    for (const { sidecar, gateways } of mesh.clusters)
      for (const envoy of [sidecar, ...gateways]) assert.equal(await envoy.rejectedUpdates(), 0);
  });
});

/** Connects to a cluster's gateway by server name, as a workload would; the SPIFFE id of who answers, or `closed`. */
function handshake({ namespace }: Cluster, servername: string, { ca, workloadPair }: Mesh): Promise<string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      ...{ host: namespace.address, port: GATEWAY_PORT, servername, ca: ca.cert, ...workloadPair },
      checkServerIdentity: () => undefined,
    });
    const end = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(8000, () => end("silent"));
    socket.on("secureConnect", () => end((socket.getPeerCertificate().subjectaltname ?? "").replace("URI:", "")));
    socket.on("error", () => end("closed"));
    socket.on("close", () => end("closed"));
  });
}
