/** Proxyless gRPC clients of three libraries: they call real servers, follow a failover, and do not notice a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Backend } from "../support/backend.ts";
import { bootstrapOf, createWorkspace, startBridge } from "../support/bridge.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { type GrpcLibrary, startGrpcClient } from "../support/grpc-client.ts";
import { startGrpcBackend } from "../support/grpc-echo.ts";
import { requireServers } from "../support/require-server.ts";
import { instanceOf, serviceFile } from "../support/service-file.ts";

const TARGET = "xds:///echo.default.mesh.local:50051";
const { skip } = requireServers("grpcio");

for (const library of ["grpc-js", "C-core", "grpc-java"] as const satisfies readonly GrpcLibrary[])
  test(`F1 ${library}: calls, failover between zones, a restart of the bridge`, {
    skip: library === "C-core" && skip,
  }, async () => {
    await using scope = new AsyncDisposableStack();
    const [near, far, late] = (await Promise.all([1, 2, 3].map(() => startGrpcBackend(scope)))) as [Backend, Backend, Backend];
    const workspace = await createWorkspace(scope);
    const inZone = (backend: Backend, zone: string) => instanceOf(backend, { locality: { region: "eu", zone } }, "grpc");
    const write = (...instances: readonly object[]) =>
      workspace.write(
        "services.yaml",
        serviceFile({ name: "echo", ports: [{ name: "grpc", port: 50051, protocol: "GRPC" }], instances: instances as never }),
      );
    await write(inZone(near, "a"), inZone(far, "b"));
    await workspace.configure({ registries: [{ kind: "file", name: "local", path: "./services.yaml" }] });
    const bridge = await startBridge(workspace, scope);
    const bootstrap = await bootstrapOf(workspace, ["--role", "grpc", "--name", "caller", "--region", "eu", "--zone", "a"]);
    const client = await startGrpcClient(bootstrap, TARGET, scope, library);
    const answers = (what: string, ...backends: readonly Backend[]) =>
      eventually(what, () => assert.deepEqual(client.portsOfLast(10), backends.map(({ port }) => port).sort()), {
        withinMs: 20_000,
      });

    await answers("its own zone answers", near);
    await write(inZone(far, "b"));
    await answers("the other zone answers when its own has nothing", far);
    await write(inZone(near, "a"), inZone(far, "b"));
    await answers("its own zone answers again", near);
    await bridge.kill();
    await steadily("calls go on without the bridge", 1500, () => assert.deepEqual(client.errors(), []));
    await startBridge(workspace, scope);
    await steadily("and when it is back", 1000, () => assert.deepEqual(client.errors(), []));
    await write(inZone(late, "a"), inZone(far, "b"));
    await answers("what changed after the restart is followed", late);
    assert.deepEqual(client.errors(), []);
  });
