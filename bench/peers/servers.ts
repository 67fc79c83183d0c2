/** The servers that are compared. Each is started afresh for every run and ends with its scope. */
import { fileURLToPath } from "node:url";
import { Node } from "../../src/gen/envoy/config/core/v3/base.ts";
import { ownProgram } from "./build.ts";
import { startConsulPeer } from "./consul.ts";
import type { FleetState } from "./fleet.ts";
import { startIstiod } from "./istiod.ts";
import { type Answer, type LineCommand, startLineProgram } from "./lines.ts";

const WITHIN_MS = 120_000;
/** From the build: Node's reader of TypeScript is 39 MiB that no bridge has. */
const OURS = fileURLToPath(new URL("../../dist/bench/peers/ours.js", import.meta.url));

/** As `npm start` has it: docs/explanation/scaling.md. */
const FLAGS = ["--max-semi-space-size=16"];

export interface Server {
  readonly pid: number;
  readonly port: number;
  /** The encoded node of the i-th client, base64. */
  node(index: number): string;
  /** Gives it the whole fleet; resolves with the ms that took. */
  load(fleet: FleetState): Promise<number>;
  /** Hands over what has changed of a service. The time of a change counts from the call. */
  flip(fleet: FleetState, service: number): void;
  cluster(fleet: FleetState, service: number): void;
  /** Makes changes by itself; resolves with the last weights. */
  steady(options: { rate: number; seconds: number; sinceNs: bigint }): Promise<readonly number[]>;
}

const ours =
  (...args: string[]) =>
  (scope: AsyncDisposableStack) =>
    startLineServer(scope, { command: process.execPath, args: [...process.execArgv, ...FLAGS, OURS, ...args] });

export const SERVERS = {
  meshbridge: ours(),
  "meshbridge public": ours("--public"),
  "bare HTTP/2": ours("--bare"),
  "framed by hand": ours("--framed"),
  "go-control-plane linear": async (scope: AsyncDisposableStack) =>
    startLineServer(scope, { command: await ownProgram("controlplane"), args: ["-cache", "linear"] }),
  "go-control-plane snapshot": async (scope: AsyncDisposableStack) =>
    startLineServer(scope, { command: await ownProgram("controlplane"), args: ["-cache", "snapshot"] }),
  "istiod default": (scope: AsyncDisposableStack) => startIstiod(scope, { tuned: false }),
  "istiod tuned": (scope: AsyncDisposableStack) => startIstiod(scope, { tuned: true }),
  "Consul default": (scope: AsyncDisposableStack, clients: number) => startConsulPeer(scope, { clients, tuned: false }),
  "Consul tuned": (scope: AsyncDisposableStack, clients: number) => startConsulPeer(scope, { clients, tuned: true }),
} as const satisfies Readonly<Record<string, (scope: AsyncDisposableStack, clients: number) => Promise<Server>>>;

export type ServerName = keyof typeof SERVERS;

/** Not servers that anybody would use: run when they are named. */
export const REFERENCES: readonly ServerName[] = ["meshbridge public", "bare HTTP/2", "framed by hand"];

async function startLineServer(scope: AsyncDisposableStack, command: LineCommand): Promise<Server> {
  const program = startLineProgram(scope, command);
  const { port } = await program.reply<Answer & { readonly port: number }>("ready", WITHIN_MS);
  return {
    pid: program.pid,
    port,
    node: (index) => encodeNode({ id: `bench-${index}`, cluster: "bench", metadata: { "meshbridge.io/role": "sidecar" } }),
    async load({ services, instances }) {
      const done = program.reply<Answer & { readonly ms: number }>("done", WITHIN_MS);
      program.send({ cmd: "load", services, instances });
      return (await done).ms;
    },
    flip: ({ weights }, service) => program.send({ cmd: "flip", service, weight: weights[service] }),
    cluster: ({ timeouts }, service) => program.send({ cmd: "cluster", service, timeoutMs: timeouts[service] }),
    async steady({ rate, seconds, sinceNs }) {
      const steadied = program.reply<Answer & { readonly weights: readonly number[] }>("steadied", seconds * 1000 + WITHIN_MS);
      program.send({ cmd: "steady", rate, seconds, sinceNs: Number(sinceNs) });
      return (await steadied).weights;
    },
  };
}

function encodeNode(node: { id: string; cluster: string; metadata: Readonly<Record<string, unknown>> }): string {
  const message = Node.fromPartial({ ...node, metadata: { ...node.metadata }, userAgentName: "envoy" });
  return Buffer.from(Node.encode(message).finish()).toString("base64");
}
