/** Two TCP services with one port number, told apart by addresses of their own: from the name to the backend through a real Envoy. */
import assert from "node:assert/strict";
import { promises as dns } from "node:dns";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { startTcpBackend } from "../support/backend.ts";
import { bootstrapOf, createWorkspace, startBridge, type Workspace } from "../support/bridge.ts";
import { startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("envoy");

/** What the service behind the name says, dialled as a workload would: resolve, then connect. */
async function say(resolver: dns.Resolver, name: string, port: number): Promise<string> {
  const [address = ""] = await resolver.resolve4(`${name}.shop.mesh.local`);
  const socket = connect(port, address);
  socket.setTimeout(2000, () => socket.destroy(new Error("no answer")));
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  await once(socket, "close");
  return `${text.trim()} at ${address}`;
}

function resolverOf(port: number): dns.Resolver {
  const resolver = new dns.Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver;
}

test("a name leads to its service's own address, the same on every replica and after a restart", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const [first, second] = await Promise.all([createWorkspace(scope), createWorkspace(scope)]);
  const [port = 0, dns1 = 0, dns2 = 0, outbound = 0] = await freePorts(4);
  const backends = await Promise.all(["db", "queue"].map((name) => startTcpBackend(scope, { name })));
  const services = (names: readonly string[]) =>
    names.map((name, index) => ({
      ...{ namespace: "shop", name, ports: [{ name: "tcp", port, protocol: "TCP" }] },
      instances: [{ address: "127.0.0.1", ports: { tcp: backends[index % 2]?.port ?? 0 } }],
    }));
  const configure = (workspace: Workspace, dnsPort: number) =>
    workspace.configure({
      registries: [{ kind: "file", name: "local", path: "./services.yaml" }],
      // Nothing of the range needs to be set up: all of 127.0.0.0/8 is this machine's.
      sidecar: { outbound: { port: outbound }, vips: { range: "127.64.0.0/10" } },
      dns: { listen: `127.0.0.1:${dnsPort}`, vipsFor: ["127.0.0.0/8"] },
    });
  for (const [workspace, dnsPort] of [
    [first, dns1],
    [second, dns2],
  ] as const) {
    await workspace.write("services.yaml", { services: services(["db", "queue"]) });
    await configure(workspace, dnsPort);
  }
  const bridge = await startBridge(first, scope);
  await startBridge(second, scope);
  const bootstrap = await bootstrapOf(first, ["--role", "sidecar", "--name", "app", "--namespace", "shop"]);
  const envoy = await startEnvoy({ bootstrap, title: "sidecar" }, scope);
  const [here, there] = [resolverOf(dns1), resolverOf(dns2)];
  let said: readonly string[] = [];
  await eventually("the sidecar listens on both addresses", async () => {
    said = await Promise.all(["db", "queue"].map((name) => say(here, name, port)));
  });
  assert.match(said.join(" "), /^db at 127\.\d+\.\d+\.\d+ queue at 127\./);
  assert.notEqual(said[0]?.split(" ").at(-1), said[1]?.split(" ").at(-1));
  assert.deepEqual(await Promise.all(["db", "queue"].map((name) => say(there, name, port))), said, "on another replica");

  await bridge.stop();
  assert.deepEqual(await Promise.all(["db", "queue"].map((name) => say(there, name, port))), said, "without its bridge");
  // A service more, before all others by name, moves nobody.
  for (const workspace of [first, second])
    await workspace.write("services.yaml", { services: services(["db", "queue", "a-new-one"]) });
  await startBridge(first, scope);
  await eventually("the new one is answered", async () => assert.match(await say(here, "a-new-one", port), /^db at 127\./), {
    withinMs: 20_000,
  });
  assert.deepEqual(await Promise.all(["db", "queue"].map((name) => say(here, name, port))), said, "after a restart");
  assert.equal(await envoy.rejectedUpdates(), 0);
});
