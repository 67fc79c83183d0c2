/**
 * Consul's own xDS server, that of a dev agent: each client is a Connect proxy registered with it, and each service of the
 * fleet one of its upstreams, whose instances are in the catalog as Connect-native ones, so that no proxy stands before them.
 * Changes are written to the catalog over HTTP, as a registry's users do it: the time and the CPU of the write are in the
 * figures, since agent, catalog and xDS server are one process.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Node } from "../../src/gen/envoy/config/core/v3/base.ts";
import { type Consul, startConsul } from "../../test/support/consul.ts";
import { addressOf, type FleetState, PORT, serviceName, weightOf } from "./fleet.ts";
import type { Server } from "./servers.ts";

const WRITERS = 8;
/** Above any number of clients and writers: Consul's own default is 200 connections of one address. */
const CONNECTIONS = 10_000;
/** A version of Envoy that Consul 1.20 says it supports; another one is served the same. */
const ENVOY = { majorNumber: 1, minorNumber: 32, patch: 0 };
/** Until what was registered has gone through its coalescing of 200 ms. */
const SETTLE_MS = 3000;

export interface ConsulPeerOptions {
  /** Proxies that `load` registers. */
  readonly clients: number;
  /** Without its limit of 250 updates of proxies a second; its coalescing of 200 ms cannot be set. */
  readonly tuned: boolean;
}

/** Starts it; it ends with the scope. */
export async function startConsulPeer(scope: AsyncDisposableStack, { clients, tuned }: ConsulPeerOptions): Promise<Server> {
  const xds = tuned ? { updatesPerSecond: 0 } : {};
  const consul = await startConsul({ xds, connectionsPerClient: CONNECTIONS }, scope);
  const unsupported = (): never => {
    throw new Error("Consul runs in 'upstreams' alone");
  };
  /** Handed over and not waited for; one that Consul refuses fails the run by the generator's gate. */
  const flip = (fleet: FleetState, service: number) => {
    consul
      .put("/v1/catalog/register", instanceOf(fleet, service, 0))
      .catch((error: unknown) => process.stderr.write(`[bench] ${String(error)}\n`));
  };
  return {
    pid: consul.program.pid,
    port: consul.xdsPort,
    node: encodeNode,
    async load(fleet) {
      const started = performance.now();
      const instances = fleet.weights.flatMap((_, service) =>
        Array.from({ length: fleet.instances }, (_instance, index) => instanceOf(fleet, service, index)),
      );
      await writeAll(consul, "/v1/catalog/register", instances);
      const proxies = Array.from({ length: clients }, (_, index) => proxyOf(fleet, index));
      await writeAll(consul, "/v1/agent/service/register", proxies);
      const ms = performance.now() - started;
      await sleep(SETTLE_MS);
      return ms;
    },
    flip,
    cluster: unsupported,
    steady: unsupported,
  };
}

async function writeAll(consul: Consul, path: string, bodies: object[]): Promise<void> {
  const drain = async () => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) await consul.put(path, body);
  };
  await Promise.all(Array.from({ length: WRITERS }, drain));
}

/** A registration in the catalog: on a node of its own, without checks, which counts as passing. */
function instanceOf(fleet: FleetState, service: number, instance: number): object {
  const name = serviceName(service);
  const address = addressOf(service * fleet.instances + instance);
  const weight = weightOf(fleet, service, instance);
  return {
    Node: `node-${address}`,
    Address: address,
    Service: {
      ID: `${name}-${instance}`,
      Service: name,
      Address: address,
      Port: PORT,
      Weights: { Passing: weight, Warning: weight },
      Connect: { Native: true },
    },
  };
}

/** A registration with the agent. It listens nowhere: no Envoy is behind it. */
function proxyOf(fleet: FleetState, index: number): object {
  return {
    Kind: "connect-proxy",
    ID: proxyId(index),
    Name: "bench-sidecar-proxy",
    Port: 20_000,
    Proxy: {
      DestinationServiceName: "bench",
      Upstreams: fleet.weights.map((_, service) => ({
        DestinationName: serviceName(service),
        LocalBindPort: 30_000 + service,
      })),
    },
  };
}

function proxyId(index: number): string {
  return `bench-proxy-${index}`;
}

function encodeNode(index: number): string {
  const message = Node.fromPartial({
    id: proxyId(index),
    cluster: "bench",
    userAgentName: "envoy",
    userAgentVersionType: { $case: "userAgentBuildVersion", value: { version: ENVOY } },
  });
  return Buffer.from(Node.encode(message).finish()).toString("base64");
}
