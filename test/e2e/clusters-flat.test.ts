/** Clusters on one network, without gateways: instances are dialled themselves, in plain text and by mutual TLS. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { instance, type Mesh, startMesh, webService } from "../support/clusters.ts";
import { eventually } from "../support/eventually.ts";
import { namespacesMissing } from "../support/namespaces.ts";
import { requireServers } from "../support/require-server.ts";

const { skip: noServer } = requireServers("envoy");
const skip = noServer || namespacesMissing();

const COUNT = 2;
const services = (number: number) => [
  ...["only", "plain", "other"].map((name) => webService(number, { name: `${name}${number}` })),
  { ...webService(number, { name: `secret${number}` }), namespace: "inside" },
];

describe("clusters on one network", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let mesh: Mesh;

  before(async () => {
    const config = {
      mtls: {
        certificate: "workload",
        trustDomains: [{ name: "mesh.local", ca: "workload" }],
        identity: "spiffe://{trustDomain}/ns/{namespace}/sa/{service}",
        inbound: "permissive",
      },
      services: [{ match: "shop/plain*" }, { match: "*", tls: "mutual" }],
    };
    const san = (number: number) => `spiffe://mesh.local/ns/shop/sa/only${number}`;
    mesh = await startMesh({ count: COUNT, config, services, san, flat: true }, scope);
  });
  after(() => scope.disposeAsync());

  for (const [name, how] of [
    ["only", "by mutual TLS"],
    ["plain", "in plain text"],
  ] as const)
    test(`each reaches the services of each other ${how}, at the address of the instance`, async () => {
      for (const from of mesh.clusters)
        for (const to of mesh.clusters) {
          await eventually(`c${from.number} reaches c${to.number}`, async () =>
            assert.equal((await from.ask(`${name}${to.number}.shop`)).body, `c${to.number}`),
          );
          const hosts = await from.sidecar.hosts(`shop/${name}${to.number}/http`);
          assert.deepEqual(
            hosts.map(({ address }) => address),
            [`10.${to.number}.0.1:15006`],
          );
          const handshakes = await from.sidecar.stats(`cluster\\.shop/${name}${to.number}/http\\.ssl\\.handshake`);
          assert.equal(
            [...handshakes.values()].some((count) => count > 0),
            name === "only",
          );
        }
    });

  test("a workload that shows another service's certificate is not believed, and one without a certificate neither", async () => {
    const [first] = mesh.clusters;
    assert.equal((await first?.ask("other2.shop"))?.status, 503);
  });

  test("what is not exported is in no assignment of another cluster", async () => {
    for (const from of mesh.clusters)
      for (const to of mesh.clusters) {
        const hosts = await from.sidecar.hosts(`inside/secret${to.number}/http`);
        assert.equal(hosts.length, from === to ? 1 : 0);
      }
  });

  test("two clusters share the load of a service that both have, and one of them takes it when the other's instance leaves", async () => {
    const [first, second] = mesh.clusters;
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(
      (await first.sidecar.hosts("shop/web/http")).map(({ priority }) => priority),
      [0, 1],
      "its own cluster is nearer",
    );
    await first.writeServices([
      webService(1, { name: "plain1", instances: [] }),
      webService(1, { name: "plain2", instances: [instance(1)] }),
    ]);
    const plain2 = async ({ sidecar }: Pick<typeof first, "sidecar">) =>
      (await sidecar.hosts("shop/plain2/http")).map(({ address, priority }) => `${address} ${priority}`);
    await eventually("plain2 is in both, for both", async () => {
      assert.deepEqual(await plain2(first), ["10.1.0.1:15006 0", "10.2.0.1:15006 1"]);
      assert.deepEqual(await plain2(second), ["10.1.0.1:15006 1", "10.2.0.1:15006 0"]);
    });
    assert.equal((await first.ask("plain2.shop")).body, "c1");
    await first.writeServices([]);
    await eventually("c2 alone is left", async () => assert.equal((await first.ask("plain2.shop")).body, "c2"));
  });

  test("no Envoy refused anything", async () => {
    for (const { sidecar } of mesh.clusters) assert.equal(await sidecar.rejectedUpdates(), 0);
  });
});
