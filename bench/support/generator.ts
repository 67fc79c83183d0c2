/**
 * The load generator, a process of its own so that its CPU is not the bridge's: `child_process.fork` it and talk
 * `protocol.ts`. It acknowledges everything at once and reports when.
 */
import type { ClientHttp2Session } from "node:http2";
import { ClusterLoadAssignment } from "../../src/gen/envoy/config/endpoint/v3/endpoint.ts";
import { DeltaDiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { reasonOf } from "../../src/kernel/errors.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import { openAdsStream, openConnection, STREAMS_PER_CONNECTION } from "./ads-stream.ts";
import type { FromGenerator, ToGenerator } from "./protocol.ts";

interface Round {
  readonly weight: number;
  readonly acked: Map<number, bigint>;
  readonly startedAt: bigint;
  readonly cpuAtStart: NodeJS.CpuUsage;
  bytes: number;
  strays: number;
  /** Bytes already found to carry the weight: equal ones need no decoding. */
  known: Buffer | undefined;
}

interface Initial {
  readonly waiting: Set<number>;
  lastAt: bigint;
  bytes: number;
  endpoints: number;
  clusters: number;
}

let streams = 0;
let round: Round | undefined;
let initial: Initial | undefined;
const sessions: ClientHttp2Session[] = [];
let closing = false;

function say(message: FromGenerator): void {
  process.send?.(message);
}

function failed(reason: string): void {
  if (!closing) say({ type: "failed", reason });
}

async function open({ host, port, streams: count, node, quietMs }: ToGenerator & { type: "open" }): Promise<void> {
  streams = count;
  const all = { waiting: new Set(Array.from({ length: count }, (_, index) => index)), bytes: 0, endpoints: 0, clusters: 0 };
  const state: Initial = { ...all, lastAt: process.hrtime.bigint() };
  initial = state;
  for (let index = 0; index < count; index++) {
    if (index % STREAMS_PER_CONNECTION === 0) sessions.push(await openConnection(host, port));
    const session = sessions.at(-1);
    if (session === undefined) throw new Error("no connection");
    openAdsStream(
      session,
      { ...node, id: `bench-${index}` },
      {
        onAcknowledged: (response, message, bytes) => acknowledged(index, response, message, bytes),
        onEnd: (reason) => failed(`stream ${index}: ${reason}`),
      },
    );
  }
  const quietNs = BigInt(quietMs) * 1_000_000n;
  const timer = setInterval(() => {
    if (state.waiting.size > 0 || process.hrtime.bigint() - state.lastAt < quietNs) return;
    clearInterval(timer);
    initial = undefined;
    const { lastAt, bytes, endpoints, clusters } = state;
    say({ type: "settled", lastAt: String(lastAt), bytes, endpoints, clusters });
  }, 20);
}

function acknowledged(index: number, response: { typeUrl: string; resources: Buffer }, message: Buffer, bytes: number): void {
  const now = process.hrtime.bigint();
  if (initial !== undefined) {
    countInitial(initial, index, response.typeUrl, message, bytes, now);
    return;
  }
  if (round === undefined) return;
  if (response.typeUrl !== TYPE_URL.endpoint || round.acked.has(index) || !carriesWeight(round, response.resources, message)) {
    round.strays++;
    return;
  }
  round.acked.set(index, now);
  round.bytes += bytes;
  if (round.acked.size === streams) finish(round);
}

function countInitial(state: Initial, index: number, typeUrl: string, message: Buffer, bytes: number, now: bigint): void {
  state.lastAt = now;
  state.bytes += bytes;
  if (typeUrl === TYPE_URL.endpoint) state.waiting.delete(index);
  // Only the first stream's content is decoded: all are of one view.
  if (index !== 0) return;
  const { resources } = DeltaDiscoveryResponse.decode(message);
  if (typeUrl === TYPE_URL.cluster) state.clusters += resources.length;
  if (typeUrl === TYPE_URL.endpoint) state.endpoints += resources.flatMap(({ resource }) => weightsOf(resource?.value)).length;
}

function carriesWeight(current: Round, resources: Buffer, message: Buffer): boolean {
  if (current.known?.equals(resources)) return true;
  const weights = DeltaDiscoveryResponse.decode(message).resources.flatMap(({ resource }) => weightsOf(resource?.value));
  if (!weights.includes(current.weight)) return false;
  current.known = resources;
  return true;
}

function weightsOf(body: Uint8Array | undefined): readonly number[] {
  if (body === undefined) return [];
  const { endpoints } = ClusterLoadAssignment.decode(body);
  return endpoints.flatMap(({ lbEndpoints }) => lbEndpoints.map(({ loadBalancingWeight }) => loadBalancingWeight ?? 1));
}

function finish({ acked, bytes, strays, startedAt, cpuAtStart }: Round): void {
  round = undefined;
  const { user, system } = process.cpuUsage(cpuAtStart);
  const busy = (user + system) / (Number(process.hrtime.bigint() - startedAt) / 1000);
  say({ type: "round", ackedAt: [...acked.values()].map(String), bytes, strays, busy });
}

function expect(weight: number): void {
  const started = { startedAt: process.hrtime.bigint(), cpuAtStart: process.cpuUsage() };
  round = { weight, acked: new Map(), ...started, bytes: 0, strays: 0, known: undefined };
  say({ type: "expecting" });
}

process.on("message", (message: ToGenerator) => {
  if (message.type === "open") open(message).catch((error: unknown) => failed(reasonOf(error)));
  else if (message.type === "expect") expect(message.weight);
  else {
    closing = true;
    for (const session of sessions) session.destroy();
    process.disconnect();
  }
});
say({ type: "ready" });
