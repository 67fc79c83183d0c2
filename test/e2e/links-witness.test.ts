/**
 * A lost link is not yet a lost cluster: a witness is asked whether it still sees the cluster, and who hears no witness is perhaps cut off
 * itself, and must not send everybody elsewhere.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bridge, createWorkspace, startBridge } from "../support/bridge.ts";
import { issue } from "../support/certificate.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";

const CLUSTERS = ["a", "b", "c"] as const;

/** a reads b, with c as its witness, each by way of a proxy; c reads b. Instances degrade 1 s after a link counts as lost. */
async function start(scope: AsyncDisposableStack) {
  const sites = await Promise.all(
    CLUSTERS.map(async (cluster) => ({
      ...{ cluster, workspace: await createWorkspace(scope) },
      ...{ server: issue({ names: [`xds.${cluster}.test`, "127.0.0.1"] }), client: issue({ names: [`bridge.${cluster}.test`] }) },
    })),
  );
  const [a, b, c] = sites as [(typeof sites)[0], (typeof sites)[0], (typeof sites)[0]];
  const toB = await startFaultProxy(b.workspace.xdsPort, scope);
  const toC = await startFaultProxy(c.workspace.xdsPort, scope);
  const linkOf = (port: number, more: object = {}) => ({
    ...{ kind: "meshbridge", name: "to-b", peer: "b", servers: [`127.0.0.1:${port}`] },
    tls: { caFile: "servers.crt", certFile: "client.crt", keyFile: "client.key" },
    staleness: { degradeAfter: "1s", lastAfter: "1h", removeAfter: "2h" },
    ...more,
  });
  const links = { a: [linkOf(toB.port, { witnesses: [toC.address] })], b: [], c: [linkOf(b.workspace.xdsPort)] };
  const bridges = new Map<string, Bridge>();
  for (const { cluster, workspace, server, client } of sites) {
    const files = { "tls.crt": server.cert, "tls.key": server.key, "client.crt": client.cert, "client.key": client.key };
    const all = {
      "clients.crt": sites.map((one) => one.client.cert).join(""),
      "servers.crt": sites.map((one) => one.server.cert).join(""),
    };
    for (const [name, text] of Object.entries({ ...files, ...all })) await workspace.write(name, text);
    const instances = [{ address: "10.9.0.2", ports: { http: 8080 } }];
    const web = { namespace: "shop", name: "web", ports: [{ name: "http", port: 80 }], instances };
    await workspace.write("services.yaml", { services: cluster === "b" ? [web] : [] });
    await workspace.configure({
      mesh: { cluster },
      xds: {
        listen: `127.0.0.1:${workspace.xdsPort}`,
        tls: { certFile: "tls.crt", keyFile: "tls.key", clientCaFile: "clients.crt" },
      },
      links: {
        peers: CLUSTERS.filter((name) => name !== cluster).map((name) => ({ name, identities: [`DNS:bridge.${name}.test`] })),
      },
      exports: [{ match: "shop/*", to: ["*"] }],
      registries: [{ kind: "file", name: "local", path: "./services.yaml" }, ...links[cluster]],
    });
  }
  for (const { cluster, workspace } of [b, c, a]) bridges.set(cluster, await startBridge(workspace, scope));
  const of = (cluster: string) => {
    const bridge = bridges.get(cluster);
    assert.ok(bridge);
    return bridge;
  };
  return { of, toB, toC };
}

test("in a partition a cluster is given up only when a witness that answers does not see it either", async () => {
  await using scope = new AsyncDisposableStack();
  const { of, toB, toC } = await start(scope);
  const health = async () => {
    const { instances } = await of("a").get<{ instances: { health: { client: string | null } }[] }>(
      "/v1/explain?service=shop/web",
    );
    return instances.map(({ health: { client } }) => client);
  };
  const problem = async () =>
    (await of("a").get<{ reads: { state: string; problem: string | null }[] }>("/v1/links")).reads[0]?.problem ?? "";
  await eventually("a sees b's instance", async () => assert.deepEqual(await health(), ["healthy"]));

  // a and b are cut off from each other; c sees both.
  await toB.set({ kind: "refuse" });
  await eventually("the witness was asked", async () => assert.match(await problem(), /a witness still sees it/), {
    withinMs: 10_000,
  });
  await steadily("b's instance is well, though the link is lost", 4000, async () =>
    assert.deepEqual(await health(), ["healthy"]),
  );

  // Now a is cut off from everybody: perhaps it is a that has the trouble.
  await toC.set({ kind: "refuse" });
  await eventually("nobody answers", async () => assert.match(await problem(), /it may be we who are cut off/), {
    withinMs: 10_000,
  });
  await steadily("a does not send everybody elsewhere", 4000, async () => assert.deepEqual(await health(), ["healthy"]));

  // c answers again, and b is really gone.
  await of("b").kill();
  await toC.set({ kind: "pass" });
  await eventually("b's instance is degraded", async () => assert.deepEqual(await health(), ["degraded"]), { withinMs: 30_000 });
  await eventually("it says why", async () => assert.match(await problem(), /no witness sees it either/));
});
