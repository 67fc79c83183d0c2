/** A gRPC client that asks for what is not there: it is told so, instead of waiting for its timer of 15 s (gRFC A88). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrapOf, createWorkspace, startBridge } from "../support/bridge.ts";
import { eventually } from "../support/eventually.ts";
import { startGrpcClient } from "../support/grpc-client.ts";
import { startGrpcBackend } from "../support/grpc-echo.ts";
import { requireServers } from "../support/require-server.ts";
import { instanceOf, serviceFile } from "../support/service-file.ts";

const { skip } = requireServers("grpcio");
const TARGET = "xds:///late.default.mesh.local:50051";
/** C-core 1.85 reads errors of resources when it is set. */
const UNDERSTANDS = { GRPC_EXPERIMENTAL_XDS_DATA_ERROR_HANDLING: "true" };
/** Well below the 15 s after which every client gives up by itself. */
const AT_ONCE_MS = 8000;

test("E4 C-core: a service that is not there is an error at once, and is called when it comes", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const workspace = await createWorkspace(scope);
  const backend = await startGrpcBackend(scope);
  const write = (name: string) =>
    workspace.write(
      "services.yaml",
      serviceFile({
        name,
        ports: [{ name: "grpc", port: 50051, protocol: "GRPC" }],
        instances: [instanceOf(backend, {}, "grpc")] as never,
      }),
    );
  await write("other");
  await workspace.configure({ registries: [{ kind: "file", name: "local", path: "./services.yaml" }] });
  await startBridge(workspace, scope);
  const bootstrap = await bootstrapOf(workspace, ["--role", "grpc", "--name", "caller"]);
  const client = await startGrpcClient(bootstrap, TARGET, scope, "C-core", UNDERSTANDS);
  const told = () => assert.match(client.program.stdout(), /the bridge has no Listener of this name for this client/);
  await eventually("it is told", told, { withinMs: AT_ONCE_MS });
  await write("late");
  await eventually("it is called", () => assert.deepEqual(client.portsOfLast(10), [backend.port]), { withinMs: 20_000 });
});
