/** The two ways a change enters: a file that is replaced, and a Consul that is told. Both carry one service `default/web`. */
import type { Workspace } from "../../test/support/bridge.ts";
import type { Consul } from "../../test/support/consul.ts";

export interface ChangeInput {
  readonly name: "file" | "consul";
  /** The `registries` entry. */
  readonly registry: Readonly<Record<string, unknown>>;
  /** Gives the one instance another weight, and resolves when the registry has it. */
  setWeight(weight: number): Promise<void>;
  /** Time to leave between two changes, in ms: a registry's own rate limit is not what is measured. */
  readonly pauseMs: number;
}

/** Nobody dials it: the generator only reads. 192.0.2.0/24 is for documentation (RFC 5737). */
const ADDRESS = "192.0.2.1";
const PORT = 8080;

export function fileInput(workspace: Workspace): ChangeInput {
  return {
    name: "file",
    registry: { kind: "file", name: "local", path: "./services.yaml" },
    pauseMs: 100,
    setWeight: (weight) =>
      workspace.write("services.yaml", {
        services: [
          {
            name: "web",
            namespace: "default",
            ports: [{ name: "http", port: 80, protocol: "HTTP" }],
            instances: [{ address: ADDRESS, ports: { http: PORT }, weight }],
          },
        ],
      }),
  };
}

export function consulInput(consul: Consul): ChangeInput {
  return {
    name: "consul",
    registry: { kind: "consul", name: "consul", address: consul.url, datacenters: ["dc1"] },
    pauseMs: 1500,
    async setWeight(weight) {
      // The catalog API writes at once; the agent API would add the agent's own synchronisation.
      await consul.put("/v1/catalog/register", {
        Node: "bench-node",
        Address: ADDRESS,
        Service: { ID: "web-1", Service: "web", Address: ADDRESS, Port: PORT, Weights: { Passing: weight, Warning: 1 } },
      });
    },
  };
}

/** The gateway the generator's streams belong to. */
export const GATEWAYS = [
  {
    name: "edge",
    listeners: [{ name: "http", address: "127.0.0.1", port: 10000, protocol: "HTTP" }],
    routes: [{ hosts: ["web.example.com"], service: "default/web", port: "http" }],
  },
];
