/** Real bridges that know each other: a ring of three, a lost link, a removed one, credentials and CA rotated. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bridge, createWorkspace, startBridge, type Workspace } from "../support/bridge.ts";
import { type KeyPair, selfSigned } from "../support/certificate.ts";
import { eventually, steadily } from "../support/eventually.ts";

interface Site {
  readonly cluster: string;
  readonly workspace: Workspace;
  readonly server: KeyPair;
  readonly client: KeyPair;
  readonly bridge: Bridge;
}

interface Services {
  readonly items: readonly { readonly id: string }[];
}

interface Explained {
  readonly instances: readonly {
    readonly cluster: string;
    readonly address: string;
    readonly health: { readonly client: string | null };
    readonly seenIn: string;
  }[];
}

const HOPS = 3;

/** Bridges that read each other as the pairs say, [reader, of]. Every one has one instance of shop/web. */
async function sites(scope: AsyncDisposableStack, names: readonly string[], pairs: readonly (readonly [string, string])[]) {
  const made = await Promise.all(
    names.map(async (cluster) => ({
      cluster,
      workspace: await createWorkspace(scope),
      // OpenSSL finds an issuer by its subject, so that each needs one of its own.
      server: selfSigned(`xds.${cluster}.test`),
      client: selfSigned(`bridge.${cluster}.test`),
    })),
  );
  const find = <T extends { readonly cluster: string }>(list: readonly T[], cluster: string): T => {
    const found = list.find((one) => one.cluster === cluster);
    assert.ok(found);
    return found;
  };
  for (const [index, { cluster, workspace, server, client }] of made.entries()) {
    const others = made.filter((one) => one.cluster !== cluster);
    await workspace.write("tls.crt", server.cert);
    await workspace.write("tls.key", server.key);
    await workspace.write("clients.crt", others.map((one) => one.client.cert).join(""));
    await workspace.write("client.crt", client.cert);
    await workspace.write("client.key", client.key);
    await workspace.write("servers.crt", others.map((one) => one.server.cert).join(""));
    await workspace.write("services.yaml", {
      services: [
        {
          namespace: "shop",
          name: "web",
          ports: [{ name: "http", port: 80 }],
          instances: [{ address: `10.9.0.${index + 1}`, ports: { http: 8080 } }],
        },
        {
          namespace: "inner",
          name: "secret",
          ports: [{ name: "http", port: 80 }],
          instances: [{ address: "10.9.9.9", ports: { http: 1 } }],
        },
      ],
    });
    await workspace.configure(
      configOf(
        cluster,
        workspace,
        others.map((one) => one.cluster),
        linksOf(cluster),
      ),
    );
  }
  function linksOf(cluster: string) {
    return pairs
      .filter(([reader]) => reader === cluster)
      .map(([, of]) => ({
        kind: "meshbridge",
        name: `to-${of}`,
        peer: of,
        servers: [`127.0.0.1:${find(made, of).workspace.xdsPort}`],
        serverName: `xds.${of}.test`,
        tls: { caFile: "servers.crt", certFile: "client.crt", keyFile: "client.key" },
        staleness: { degradeAfter: "3s", lastAfter: "1h", removeAfter: "2h" },
      }));
  }
  const running = await Promise.all(made.map(async (one) => ({ ...one, bridge: await startBridge(one.workspace, scope) })));
  return { of: (cluster: string): Site => find(running, cluster), linksOf };
}

function configOf(cluster: string, workspace: Workspace, peers: readonly string[], links: readonly object[]) {
  return {
    mesh: { cluster },
    xds: {
      listen: `127.0.0.1:${workspace.xdsPort}`,
      tls: { certFile: "tls.crt", keyFile: "tls.key", clientCaFile: "clients.crt" },
    },
    links: { hopLimit: HOPS, peers: peers.map((name) => ({ name, identities: [`DNS:bridge.${name}.test`] })) },
    exports: [{ match: "shop/*", to: ["*"] }],
    registries: [{ kind: "file", name: "local", path: "./services.yaml" }, ...links],
  };
}

async function clustersOf({ bridge }: Site): Promise<readonly string[]> {
  const { instances } = await bridge.get<Explained>("/v1/explain?service=shop/web");
  return instances.map(({ cluster }) => cluster).sort();
}

const stateOf = async ({ bridge }: Site, registry: string) =>
  await bridge.get<{ state: string; staleness: string }>(`/v1/registries/${registry}`);

test("a ring of three bridges comes to rest: each has every cluster's instance once, and nothing unexported", async () => {
  await using scope = new AsyncDisposableStack();
  const ring = await sites(
    scope,
    ["a", "b", "c"],
    [
      ["a", "b"],
      ["b", "c"],
      ["c", "a"],
    ],
  );
  for (const name of ["a", "b", "c"])
    await eventually(`${name} has all`, async () => assert.deepEqual(await clustersOf(ring.of(name)), ["a", "b", "c"]), {
      withinMs: 30_000,
    });
  await steadily("the ring does not grow", 6000, async () => {
    for (const name of ["a", "b", "c"]) assert.deepEqual(await clustersOf(ring.of(name)), ["a", "b", "c"]);
  });
  const { instances } = await ring.of("a").bridge.get<Explained>("/v1/explain?service=inner/secret");
  assert.deepEqual(
    instances.map(({ seenIn }) => seenIn),
    ["local/inner/secret"],
  );
  const { items } = await ring.of("a").bridge.get<Services>("/v1/services");
  assert.deepEqual(items.map(({ id }) => id).sort(), ["inner/secret", "shop/web"]);
});

test("a lost bridge takes nothing with it, ages, is DEGRADED; rotations lose nothing; a removed link drains and goes", async () => {
  await using scope = new AsyncDisposableStack();
  const two = await sites(scope, ["a", "b"], [["a", "b"]]);
  const a = two.of("a");
  const b = two.of("b");
  await eventually("a has both", async () => assert.deepEqual(await clustersOf(a), ["a", "b"]));
  const healthOfB = async () => {
    const { instances } = await a.bridge.get<Explained>("/v1/explain?service=shop/web");
    return instances.find(({ cluster }) => cluster === "b")?.health.client;
  };

  // New certificates on both sides, each with the old ones still trusted beside the new for a moment.
  const next = { server: selfSigned("xds.b.test"), client: selfSigned("bridge.a.test") };
  let looking = true;
  const watching = (async () => {
    while (looking) {
      assert.deepEqual(await clustersOf(a), ["a", "b"]);
      assert.equal(await healthOfB(), "healthy");
    }
  })();
  await b.workspace.write("clients.crt", a.client.cert + next.client.cert);
  await a.workspace.write("servers.crt", b.server.cert + next.server.cert);
  await b.workspace.write("tls.crt", next.server.cert);
  await b.workspace.write("tls.key", next.server.key);
  await a.workspace.write("client.crt", next.client.cert);
  await a.workspace.write("client.key", next.client.key);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  await b.workspace.write("clients.crt", next.client.cert);
  await a.workspace.write("servers.crt", next.server.cert);
  await steadily("the link is up with the new ones alone", 2000, async () => {
    assert.equal((await stateOf(a, "to-b")).state, "live");
  });
  looking = false;
  await watching;

  await b.bridge.kill();
  await eventually("a says that the link is lost", async () => assert.equal((await stateOf(a, "to-b")).state, "stale"), {
    withinMs: 10_000,
  });
  assert.deepEqual(await clustersOf(a), ["a", "b"]);
  await eventually("its instance is served as degraded", async () => assert.equal(await healthOfB(), "degraded"));
  await startBridge(b.workspace, scope);
  await eventually("it is well again", async () => assert.equal(await healthOfB(), "healthy"), { withinMs: 20_000 });

  await a.workspace.configure(configOf("a", a.workspace, ["b"], []));
  await eventually("it drains", async () => assert.equal(await healthOfB(), "draining"));
  await eventually("it is gone", async () => assert.deepEqual(await clustersOf(a), ["a"]), { withinMs: 15_000 });
});
