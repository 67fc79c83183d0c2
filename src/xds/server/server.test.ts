/** The server over a real connection, with grpc-js as the client. What is sent when is the stream's matter, tested there. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, test as register } from "node:test";
import { type ClientDuplexStream, credentials, Client as GrpcClient, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { Node } from "../../gen/envoy/config/core/v3/base.ts";
import {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from "../../gen/envoy/service/discovery/v3/discovery.ts";
import { Status } from "../../gen/google/rpc/status.ts";
import { systemClock } from "../../kernel/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { createProxies, type ProxyEvent } from "../proxies.ts";
import { resource } from "../stream/testing.ts";
import { createTables } from "../table.ts";
import { TYPE_URL } from "../types.ts";
import type { ViewHandle, ViewProvider } from "../view-provider.ts";
import { DEFAULT_GATE_LIMITS } from "./gate.ts";
import { createXdsServer } from "./server.ts";
import { SILENT_METRICS } from "./testing.ts";

const ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";
const identity = (bytes: Buffer) => bytes;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Whether the servers of the test at hand take the direct way; see message-stream.ts. */
let direct = true;

/** Every test over both ways: what a client sees is the same. */
function test(name: string, body: () => Promise<void>): void {
  for (const way of [true, false]) {
    register(`${name} (${way ? "direct" : "public"})`, () => {
      direct = way;
      return body();
    });
  }
}

/** One view for everybody, a server on a free port, and a way to open streams to it. */
async function rig({ ready = true, limits = DEFAULT_GATE_LIMITS } = {}) {
  const tables = createTables();
  tables.complete = true;
  const listeners = new Set<() => void>();
  const view = { ready, users: 0 };
  const views: ViewProvider = {
    acquire: (): ViewHandle => {
      view.users++;
      return {
        key: "v",
        tables,
        get ready() {
          return view.ready;
        },
        subscribe: (onChange) => {
          listeners.add(onChange);
          return () => listeners.delete(onChange);
        },
        release: () => {
          view.users--;
        },
      };
    },
  };
  const events: ProxyEvent[] = [];
  const proxies = createProxies(systemClock, (event) => events.push(event));
  const counts = { streams: 0, responses: 0, nacks: 0 };
  const refusals: string[] = [];
  const server = createXdsServer({
    views,
    proxies,
    defaults: { cluster: "c1", network: "default", namespace: "default" },
    epoch: "e",
    direct,
    limits,
    clock: systemClock,
    log: silentLog,
    metrics: {
      ...SILENT_METRICS,
      stream: (_variant, change) => {
        counts.streams += change;
      },
      response: () => counts.responses++,
      nack: () => counts.nacks++,
      refused: (reason) => refusals.push(reason),
    },
  });
  const address = { kind: "tcp" as const, host: "127.0.0.1", port: 0 };
  const port = await server.listen({ address, tls: undefined, insecure: false }, new AbortController().signal);
  const client = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure());
  closers.push(
    () => server.drain(500),
    () => client.close(),
  );
  const open = (path: string, metadata = new Metadata()) => client.makeBidiStreamRequest(path, identity, identity, metadata);
  const changed = () => {
    for (const listener of listeners) listener();
  };
  return { tables, view, server, port, proxies, events, counts, refusals, open, changed };
}

type Call = ClientDuplexStream<Buffer, Buffer>;

const next = (call: Call) =>
  new Promise<Buffer>((resolve, reject) => {
    call.once("data", resolve);
    call.once("error", reject);
  });
const ended = (call: Call) =>
  new Promise<ServiceError>((resolve) => {
    call.on("data", () => undefined);
    call.once("error", resolve);
  });

const node = { id: "n1", userAgentName: "test" };

interface Fields {
  readonly node?: Partial<Node>;
  readonly errorDetail?: Partial<Status>;
}

const filled = ({ node: who, errorDetail }: Fields) => ({
  node: who && { ...Node.fromPartial({}), ...who },
  errorDetail: errorDetail && { ...Status.fromPartial({}), ...errorDetail },
});
const sotw = (fields: Omit<Partial<DiscoveryRequest>, keyof Fields> & Fields) =>
  Buffer.from(DiscoveryRequest.encode({ ...DiscoveryRequest.fromPartial({}), ...fields, ...filled(fields) }).finish());
const delta = (fields: Omit<Partial<DeltaDiscoveryRequest>, keyof Fields> & Fields) =>
  Buffer.from(DeltaDiscoveryRequest.encode({ ...DeltaDiscoveryRequest.fromPartial({}), ...fields, ...filled(fields) }).finish());

test("an aggregated stream, both variants: answer, change, ACK; the proxy is known as synced", async () => {
  const { tables, proxies, open, changed, counts } = await rig();
  tables.table(TYPE_URL.cluster).set(resource(TYPE_URL.cluster, "a", 1));
  const whole = open(`${ADS}StreamAggregatedResources`);
  whole.write(sotw({ node, typeUrl: TYPE_URL.cluster }));
  const first = DiscoveryResponse.decode(await next(whole));
  assert.deepEqual(
    first.resources.map(({ value }) => Buffer.from(value).toString()),
    ["a=1"],
  );
  const { versionInfo, nonce } = first;
  const answered = next(whole);
  whole.write(sotw({ typeUrl: TYPE_URL.cluster, versionInfo, responseNonce: nonce }));
  tables.table(TYPE_URL.cluster).set(resource(TYPE_URL.cluster, "a", 2));
  changed();
  assert.equal(DiscoveryResponse.decode(await answered).resources.length, 1);

  const incremental = open(`${ADS}DeltaAggregatedResources`);
  incremental.write(delta({ node: { id: "n2" }, typeUrl: TYPE_URL.cluster }));
  const response = DeltaDiscoveryResponse.decode(await next(incremental));
  assert.deepEqual(
    response.resources.map(({ name }) => name),
    ["a"],
  );
  assert.equal(response.resources[0]?.version, tables.table(TYPE_URL.cluster).get("a")?.version);
  assert.deepEqual(
    proxies.statuses().map(({ id, variant }) => [id, variant]),
    [
      ["n1", "sotw"],
      ["n2", "delta"],
    ],
  );
  assert.equal(proxies.statuses()[1]?.types[0]?.status, "STALE");
  assert.equal(counts.streams, 2);
});

test("a single-type stream implies its type, and refuses another", async () => {
  const { tables, open } = await rig();
  tables.table(TYPE_URL.endpoint).set(resource(TYPE_URL.endpoint, "a"));
  const path = "/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints";
  const good = open(path);
  good.write(sotw({ node, resourceNames: ["a"] }));
  assert.equal(DiscoveryResponse.decode(await next(good)).typeUrl, TYPE_URL.endpoint);
  const bad = open(path);
  bad.write(sotw({ node, typeUrl: TYPE_URL.cluster }));
  assert.equal((await ended(bad)).code, status.INVALID_ARGUMENT);
});

for (const [name, bytes] of [
  ["no node in the first request", sotw({ typeUrl: TYPE_URL.cluster })],
  ["no type on an aggregated stream", sotw({ node })],
  ["bytes that are no request", Buffer.from([0xff, 0xff, 0xff])],
  ["an endless name", sotw({ node, typeUrl: TYPE_URL.endpoint, resourceNames: ["x".repeat(5000)] })],
] as const) {
  test(`${name}: INVALID_ARGUMENT, and the server goes on`, async () => {
    const { tables, open, view, counts } = await rig();
    const bad = open(`${ADS}StreamAggregatedResources`);
    bad.write(bytes);
    assert.equal((await ended(bad)).code, status.INVALID_ARGUMENT);
    tables.table(TYPE_URL.cluster).set(resource(TYPE_URL.cluster, "a"));
    const good = open(`${ADS}StreamAggregatedResources`);
    good.write(sotw({ node, typeUrl: TYPE_URL.cluster }));
    await next(good);
    assert.equal(view.users, 1);
    assert.equal(counts.streams, 1);
  });
}

test("the node counts in the first request only, and later requests need none", async () => {
  const { tables, open, proxies } = await rig();
  tables.table(TYPE_URL.cluster).set(resource(TYPE_URL.cluster, "a"));
  tables.table(TYPE_URL.listener).set(resource(TYPE_URL.listener, "l"));
  const call = open(`${ADS}StreamAggregatedResources`);
  call.write(sotw({ node, typeUrl: TYPE_URL.cluster }));
  await next(call);
  call.write(sotw({ node: { id: "another" }, typeUrl: TYPE_URL.listener }));
  await next(call);
  assert.deepEqual(
    proxies.statuses().map(({ id }) => id),
    ["n1"],
  );
});

test("nothing is answered before the view is ready", async () => {
  const { tables, open, view, changed } = await rig({ ready: false });
  tables.table(TYPE_URL.cluster).set(resource(TYPE_URL.cluster, "a"));
  const call = open(`${ADS}StreamAggregatedResources`);
  let got = false;
  const response = next(call).then((bytes) => {
    got = true;
    return bytes;
  });
  call.write(sotw({ node, typeUrl: TYPE_URL.cluster }));
  while (view.users === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(got, false);
  view.ready = true;
  changed();
  assert.equal(DiscoveryResponse.decode(await response).resources.length, 1);
});

test("a refusal is counted, logged as an event, and shown", async () => {
  const { tables, open, events, counts, proxies } = await rig();
  tables.table(TYPE_URL.cluster).set(resource(TYPE_URL.cluster, "a"));
  const call = open(`${ADS}StreamAggregatedResources`);
  call.write(sotw({ node, typeUrl: TYPE_URL.cluster }));
  const { nonce } = DiscoveryResponse.decode(await next(call));
  call.write(sotw({ typeUrl: TYPE_URL.cluster, responseNonce: nonce, errorDetail: { code: 3, message: "bad cluster" } }));
  while (counts.nacks === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    events.map(({ type }) => type),
    ["connected", "nack"],
  );
  assert.equal(proxies.statuses()[0]?.types[0]?.status, "NACKED");
  assert.equal(proxies.statuses()[0]?.types[0]?.lastNack?.message, "bad cluster");
});

test("metadata above the limit is refused", async () => {
  const { open } = await rig();
  const metadata = new Metadata();
  metadata.set("x-big", "x".repeat(20_000));
  const error = await ended(open(`${ADS}StreamAggregatedResources`, metadata));
  assert.equal(error.code, status.RESOURCE_EXHAUSTED);
});

test("draining ends every stream regularly and forgets its proxy", async () => {
  const { tables, open, server, proxies, view } = await rig();
  tables.table(TYPE_URL.cluster).set(resource(TYPE_URL.cluster, "a"));
  const calls = [1, 2, 3].map(() => open(`${ADS}StreamAggregatedResources`));
  const ends = calls.map((call) => new Promise((resolve) => call.once("end", () => resolve("ended"))));
  for (const call of calls) call.write(sotw({ node, typeUrl: TYPE_URL.cluster }));
  await Promise.all(calls.map(next));
  for (const call of calls) call.resume();
  assert.deepEqual(
    proxies.statuses().map(({ id }) => id),
    ["n1"],
  );
  await server.drain(2000);
  assert.deepEqual(await Promise.all(ends), ["ended", "ended", "ended"]);
  assert.equal(server.streams, 0);
  assert.equal(view.users, 0);
  assert.deepEqual(proxies.statuses(), []);
});

test("plain text on an address that others can reach needs a word from the operator", async () => {
  const { server } = await rig();
  const address = { kind: "tcp" as const, host: "0.0.0.0", port: 0 };
  await assert.rejects(server.listen({ address, tls: undefined, insecure: false }, new AbortController().signal), {
    code: "MB_LISTEN_INSECURE",
  });
});

test("a port that is taken is said to be", async () => {
  const { server } = await rig();
  const other = await rig();
  const port = await server.listen(
    { address: { kind: "tcp", host: "127.0.0.1", port: 0 }, tls: undefined, insecure: false },
    new AbortController().signal,
  );
  const taken = other.server.listen(
    { address: { kind: "tcp", host: "127.0.0.1", port }, tls: undefined, insecure: false },
    new AbortController().signal,
  );
  await assert.rejects(taken, { code: "MB_LISTEN_FAILED" });
});

/** A raw connection, and when it was closed. */
function rawConnection(port: number, bytes = "") {
  const socket = connect(port, "127.0.0.1");
  const started = performance.now();
  const closed = new Promise<number>((resolve) => socket.once("close", () => resolve(performance.now() - started)));
  socket.on("error", () => undefined).on("data", () => undefined);
  if (bytes !== "") socket.write(bytes);
  closers.push(() => socket.destroy());
  return { socket, closed };
}

test("connections that say nothing, or not enough, are closed in time; one with a stream stays", async () => {
  const { port, open, refusals, counts } = await rig({ limits: { ...DEFAULT_GATE_LIMITS, prefaceMs: 200 } });
  const call = open(`${ADS}StreamAggregatedResources`);
  call.on("error", () => undefined);
  const silent = [rawConnection(port), rawConnection(port), rawConnection(port, "PRI * HTTP")];
  for (const { closed } of silent) assert.ok((await closed) >= 190);
  assert.deepEqual(refusals, ["silent", "silent", "silent"]);
  assert.equal(counts.streams, 1);
});

test("one address may hold so many connections, and all together so many; a place that is free again is given away", async () => {
  for (const [limits, reason] of [
    [{ connections: 2 }, "too-many"],
    [{ connectionsPerAddress: 2 }, "too-many-of-address"],
  ] as const) {
    const { port, refusals } = await rig({ limits: { ...DEFAULT_GATE_LIMITS, ...limits } });
    const [first, second] = [rawConnection(port), rawConnection(port)];
    await Promise.all([first, second].map(({ socket }) => once(socket, "connect")));
    await rawConnection(port).closed;
    assert.deepEqual(refusals, [reason]);
    first.socket.destroy();
    await first.closed;
    const again = rawConnection(port);
    await once(again.socket, "connect");
    assert.deepEqual(refusals, [reason]);
  }
});
