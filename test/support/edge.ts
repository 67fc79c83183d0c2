/** The usual set-up: a bridge, and an Envoy started with the bootstrap that the bridge's own command prints. */
import assert from "node:assert/strict";
import { type Bridge, bootstrapOf, createWorkspace, startBridge, type Workspace } from "./bridge.ts";
import { type Envoy, type EnvoyHost, editBootstrap, startEnvoy } from "./envoy.ts";
import { freePort } from "./ports.ts";

export interface EdgeOptions {
  readonly registries: readonly object[];
  /** Default: `web.example.com` to `default/web`. */
  readonly routes?: readonly object[];
  /** Further listeners beside the HTTP one. */
  readonly listeners?: readonly object[];
  /** Files of the workspace to write before the start, by name. */
  readonly files?: Readonly<Record<string, string | object>>;
  /** Further keys of the configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly variant?: "delta" | "sotw";
}

export interface Edge {
  readonly workspace: Workspace;
  readonly bridge: Bridge;
  readonly envoy: Envoy;
  /** Where its HTTP listener answers. */
  readonly url: string;
  /** The configuration as written, to be changed and written again. */
  readonly config: Readonly<Record<string, unknown>>;
}

export const WEB_HOST = "web.example.com";
export const WEB_ROUTE = { hosts: [WEB_HOST], service: "default/web", port: "http" };

/** Resolves when Envoy has everything it waits for at its start. `prepare` runs before the bridge does. */
export async function startEdge(
  options: EdgeOptions,
  scope: AsyncDisposableStack,
  prepare: (workspace: Workspace) => Promise<void> = async () => undefined,
): Promise<Edge> {
  const workspace = await createWorkspace(scope);
  const httpPort = await freePort();
  const config = {
    registries: options.registries,
    gateways: [
      {
        name: "edge",
        listeners: [{ name: "http", address: "127.0.0.1", port: httpPort, protocol: "HTTP" }, ...(options.listeners ?? [])],
        routes: options.routes ?? [WEB_ROUTE],
      },
    ],
    ...options.config,
  };
  await workspace.configure(config);
  for (const [name, content] of Object.entries(options.files ?? {})) await workspace.write(name, content);
  await prepare(workspace);
  const bridge = await startBridge(workspace, scope);
  const envoy = await startGatewayEnvoy(workspace, { variant: options.variant ?? "delta" }, scope);
  return { workspace, bridge, envoy, url: `http://127.0.0.1:${httpPort}`, config };
}

/** One more Envoy of the gateway `edge`. */
export async function startGatewayEnvoy(
  workspace: Workspace,
  { variant, nodeId }: { readonly variant: "delta" | "sotw"; readonly nodeId?: string },
  scope: AsyncDisposableStack,
): Promise<Envoy> {
  const printed = await bootstrapOf(workspace, ["--role", "gateway", "--name", "edge"]);
  const bootstrap = nodeId === undefined ? withVariant(printed, variant) : withNodeId(withVariant(printed, variant), nodeId);
  return startEnvoy({ bootstrap, title: `envoy edge (${variant})` }, scope);
}

/** The same bootstrap for the other variant of the protocol. */
function withVariant(bootstrap: string, variant: "delta" | "sotw"): string {
  return editBootstrap(bootstrap, (parsed) => {
    const { ads_config } = parsed["dynamic_resources"] as { ads_config: { api_type: string } };
    ads_config.api_type = variant === "delta" ? "DELTA_GRPC" : "GRPC";
  });
}

function withNodeId(bootstrap: string, nodeId: string): string {
  return editBootstrap(bootstrap, (parsed) => {
    (parsed["node"] as { id: string }).id = nodeId;
  });
}

/** Asserts that a cluster's hosts are exactly these: `address:port`, or `address:port HEALTH`, or `… weight N`. */
export function assertHosts(actual: readonly EnvoyHost[], expected: readonly string[]): void {
  const detail = expected.some((text) => text.includes(" "));
  const shown = actual.map(({ address, health, weight }) => (detail ? `${address} ${health} weight ${weight}` : address));
  assert.deepEqual(shown, [...expected].sort());
}
