/** Consul over TLS: its certificate is checked, and whoever shows another one is not believed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorkspace, startBridge } from "../support/bridge.ts";
import { selfSigned } from "../support/certificate.ts";
import { startConsul } from "../support/consul.ts";
import { eventually } from "../support/eventually.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("consul");

interface Registries {
  readonly items: readonly {
    readonly state: string;
    readonly services: number;
    readonly lastError: { readonly code: string } | null;
  }[];
}

for (const [name, trusted] of [
  ["a certificate of the configured authority is accepted", true],
  ["another one is refused, and nothing is believed", false],
] as const) {
  test(name, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const certificate = selfSigned("localhost");
    const consul = await startConsul({ certificate }, scope);
    await consul.register({ ID: "web-1", Name: "web", Address: "192.0.2.1", Port: 80 });
    const workspace = await createWorkspace(scope);
    await workspace.write("ca.crt", trusted ? certificate.cert : selfSigned("localhost").cert);
    await workspace.configure({
      xds: { listen: `127.0.0.1:${workspace.xdsPort}`, syncTimeout: "1s" },
      registries: [{ kind: "consul", name: "consul", address: consul.tlsUrl, tls: { caFile: "./ca.crt" } }],
    });
    const bridge = await startBridge(workspace, scope, { until: "alive" });
    await eventually("it is known how the registry is", async () => {
      const [registry] = (await bridge.get<Registries>("/v1/registries")).items;
      assert.equal(registry?.state, trusted ? "live" : "stale");
      assert.equal(registry?.services, trusted ? 1 : 0);
      assert.equal(registry?.lastError?.code, trusted ? undefined : "MB_REGISTRY_UNREACHABLE");
    });
  });
}
