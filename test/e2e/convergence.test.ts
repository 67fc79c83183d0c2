/** SotW Envoy, delta Envoy, sidecar Envoy and a proxyless gRPC client come to the same view, and use it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Backend, type Echo, startHttpBackend, startTcpBackend } from "../support/backend.ts";
import { bootstrapOf } from "../support/bridge.ts";
import { assertHosts, type Edge, startEdge, startGatewayEnvoy } from "../support/edge.ts";
import { type Envoy, startEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { startGrpcClient } from "../support/grpc-client.ts";
import { startGrpcBackend } from "../support/grpc-echo.ts";
import { ask } from "../support/http.ts";
import { clusterOf } from "../support/names.ts";
import { freePorts } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";
import { type FileInstance, type FileService, hostOf, httpService, instanceOf, serviceFile } from "../support/service-file.ts";
import { readTcp } from "../support/sockets.ts";

const { skip } = requireServers("envoy");
const EDITS = 25;

/** A reproducible sequence (mulberry32): a failure shows its seed and is found again with it. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("four kinds of client of one bridge", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let http: readonly Backend[];
  let grpc: readonly Backend[];
  let tcp: Backend;
  let edge: Edge;
  let sotw: Envoy;
  let tcpPort: number;
  let outbound: number;

  const echo = (instances: readonly Backend[]): FileService => ({
    name: "echo",
    namespace: "default",
    ports: [{ name: "grpc", port: 50051, protocol: "GRPC" }],
    instances: instances.map((backend) => instanceOf(backend, {}, "grpc")),
  });
  const database = (): FileService => ({
    name: "db",
    namespace: "default",
    ports: [{ name: "tcp", port: tcpPort, protocol: "TCP" }],
    instances: [instanceOf(tcp, {}, "tcp")],
  });
  const write = (...services: readonly FileService[]) => edge.workspace.write("services.yaml", serviceFile(...services));

  before(async () => {
    http = await Promise.all([1, 2].map(() => startHttpBackend(scope)));
    grpc = await Promise.all([1, 2, 3].map(() => startGrpcBackend(scope)));
    tcp = await startTcpBackend(scope, { name: "database" });
    [tcpPort, outbound] = (await freePorts(2)) as [number, number];
    const services = serviceFile(
      httpService(
        "web",
        http.map((backend) => instanceOf(backend)),
      ),
      echo(grpc),
      database(),
    );
    edge = await startEdge(
      {
        registries: [{ kind: "file", name: "local", path: "./services.yaml" }],
        files: { "services.yaml": services },
        routes: [{ hosts: ["*"], service: "default/web", port: "http" }],
        config: { sidecar: { outbound: { address: "127.0.0.1", port: outbound } } },
      },
      scope,
    );
    sotw = await startGatewayEnvoy(edge.workspace, { variant: "sotw", nodeId: "sotw" }, scope);
  });
  after(() => scope.disposeAsync());

  test(`after ${EDITS} random edits in a row the SotW and the delta Envoy show the file's last state`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = randomOf(seed);
    const pick = () => 1 + Math.floor(random() * 40);
    let expected: string[] = [];
    for (let edit = 0; edit < EDITS; edit++) {
      const addresses = new Set(Array.from({ length: pick() }, () => `192.0.2.${pick()}`));
      const instances: FileInstance[] = [...addresses].map((address) => ({
        address,
        ports: { http: 8080 },
        weight: pick(),
        health: random() < 0.3 ? "degraded" : "healthy",
      }));
      expected = instances.map(({ address, health, weight }) => `${address}:8080 ${health?.toUpperCase()} weight ${weight}`);
      await write(httpService("web", instances), echo(grpc), database());
    }
    const web = clusterOf("default/web", "http");
    for (const [name, envoy] of [
      ["delta", edge.envoy],
      ["sotw", sotw],
    ] as const)
      await eventually(`the ${name} Envoy has the last state (seed ${seed})`, async () =>
        assertHosts(await envoy.hosts(web), expected),
      );
    assert.deepEqual(await edge.envoy.clusters(), await sotw.clusters());
    assert.deepEqual([await edge.envoy.rejectedUpdates(), await sotw.rejectedUpdates()], [0, 0]);
    await write(
      httpService(
        "web",
        http.map((backend) => instanceOf(backend)),
      ),
      echo(grpc),
      database(),
    );
    await eventually("the gateway serves again", async () => assertHosts(await edge.envoy.hosts(web), http.map(hostOf)));
  });

  test("a proxyless gRPC client calls every instance, and follows a change without a failed call", async () => {
    await using own = new AsyncDisposableStack();
    const bootstrap = await bootstrapOf(edge.workspace, ["--role", "grpc", "--name", "caller"]);
    const client = await startGrpcClient(bootstrap, "xds:///echo.default.mesh.local:50051", own);
    const ports = (backends: readonly Backend[]) => backends.map(({ port }) => port).sort((a, b) => a - b);
    await eventually("all three answer", () => assert.deepEqual(client.portsOfLast(30), ports(grpc)));
    const errorsBefore = client.errors().length;
    const [first, second] = grpc as [Backend, Backend];
    await write(
      httpService(
        "web",
        http.map((backend) => instanceOf(backend)),
      ),
      echo([first, second]),
      database(),
    );
    await eventually("two are left", () => assert.deepEqual(client.portsOfLast(30), ports([first, second])));
    await write(
      httpService(
        "web",
        http.map((backend) => instanceOf(backend)),
      ),
      echo(grpc),
      database(),
    );
    await eventually("three answer again", () => assert.deepEqual(client.portsOfLast(30), ports(grpc)));
    assert.deepEqual(client.errors().slice(errorsBefore), []);
    assert.equal(errorsBefore, 0, `calls failed before the change: ${client.errors()[0]}`);
  });

  test("a sidecar routes by host name, by short name, and TCP by the service's own port", async () => {
    await using own = new AsyncDisposableStack();
    const [inbound, app] = (await freePorts(2)) as [number, number];
    void inbound;
    void app;
    const bootstrap = await bootstrapOf(edge.workspace, ["--role", "sidecar", "--name", "caller"]);
    const sidecar = await startEnvoy({ bootstrap, title: "envoy sidecar" }, own);
    for (const host of ["web.default.mesh.local", "web.default.mesh.local:80", "web.default", "web"]) {
      const answered = new Set<number>();
      await eventually(`both instances answer to ${host}`, async () => {
        const reply = await ask(`http://127.0.0.1:${outbound}/`, { headers: { host } });
        assert.equal(reply.status, 200, reply.body);
        answered.add((JSON.parse(reply.body) as Echo).port);
        assert.equal(answered.size, 2);
      });
    }
    assert.equal(await readTcp(tcpPort), "database\n");
    const unknown = await ask(`http://127.0.0.1:${outbound}/`, { headers: { host: "nothing.default.mesh.local" } });
    assert.equal(unknown.status, 404);
    assert.equal(await sidecar.rejectedUpdates(), 0);
  });
});
