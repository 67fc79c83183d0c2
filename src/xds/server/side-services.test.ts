/** Load reports and client status over a real connection. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { credentials, Client as GrpcClient } from "@grpc/grpc-js";
import { LoadStatsRequest, LoadStatsResponse } from "../../gen/envoy/service/load_stats/v3/lrs.ts";
import { ClientStatusRequest, ClientStatusResponse, ConfigStatus } from "../../gen/envoy/service/status/v3/csds.ts";
import { systemClock } from "../../kernel/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { createLoads } from "../load/loads.ts";
import { createProxies } from "../proxies.ts";
import type { ProxyStatus, ProxyTypeStatus } from "../proxy-status.ts";
import { resource } from "../stream/testing.ts";
import { createTables } from "../table.ts";
import { TYPE_URL } from "../types.ts";
import { loadService } from "./load-service.ts";
import { createXdsServer } from "./server.ts";
import type { BoundService } from "./services.ts";
import { statusService } from "./status-service.ts";
import { SILENT_METRICS } from "./testing.ts";

const identity = (bytes: Buffer) => bytes;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function connect(service: BoundService): Promise<GrpcClient> {
  const server = createXdsServer({
    views: { acquire: () => assert.fail("nobody asks for resources here") },
    proxies: createProxies(systemClock, () => undefined),
    defaults: { cluster: "c1", network: "default", namespace: "default" },
    epoch: "e",
    clock: systemClock,
    log: silentLog,
    metrics: SILENT_METRICS,
    services: [service],
  });
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const port = await server.listen({ address, tls: undefined, insecure: false }, new AbortController().signal);
  const client = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure());
  closers.push(
    () => server.drain(500),
    () => client.close(),
  );
  return client;
}

/** `parts`: any part of a LoadStatsRequest; the generated type of a deep part is beyond what the compiler infers. */
const report = (parts: object) => Buffer.from(LoadStatsRequest.encode(LoadStatsRequest.fromPartial(parts as never)).finish());
const stats = (cluster: string, issued: number, failed: number, inProgress: number) => ({
  clusterName: cluster,
  totalDroppedRequests: 1,
  upstreamLocalityStats: [
    {
      locality: { region: "eu", zone: "a" },
      totalIssuedRequests: issued,
      totalSuccessfulRequests: issued - failed,
      totalErrorRequests: failed,
      totalRequestsInProgress: inProgress,
    },
  ],
});

test("load reports: every cluster is asked for, counts add up over reports and clients, progress goes with its client", async () => {
  const loads = createLoads();
  const client = await connect(loadService(loads, silentLog));
  const open = () =>
    client.makeBidiStreamRequest("/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats", identity, identity);
  const calls = [open(), open()];
  const answers: LoadStatsResponse[] = [];
  for (const call of calls) {
    call.on("data", (bytes: Buffer) => answers.push(LoadStatsResponse.decode(bytes)));
    call.on("error", () => undefined);
    call.write(report({ node: { id: "n", clientFeatures: ["envoy.lrs.supports_send_all_clusters"] } }));
    call.write(report({ clusterStats: [stats("web", 10, 1, 2)] }));
  }
  calls[0]?.write(report({ clusterStats: [stats("web", 5, 0, 1)] }));
  const shown = () => loads.all().map(({ cluster, locality: { zone }, ...counts }) => ({ cluster, zone, ...counts }));
  await until(() => shown()[0]?.issued === 25);
  assert.deepEqual(shown(), [{ cluster: "web", zone: "a", issued: 25, succeeded: 23, failed: 2, inProgress: 3 }]);
  assert.equal(loads.dropped().get("web"), 3);
  assert.deepEqual(
    answers.map(({ sendAllClusters, loadReportingInterval }) => [sendAllClusters, loadReportingInterval?.seconds]),
    [
      [true, 10],
      [true, 10],
    ],
  );
  calls[1]?.cancel();
  await until(() => loads.all()[0]?.inProgress === 1);
});

test("load reports: a client without the wildcard is asked for the clusters that it names; garbage ends its stream alone", async () => {
  const loads = createLoads();
  const client = await connect(loadService(loads, silentLog));
  const path = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats";
  const call = client.makeBidiStreamRequest(path, identity, identity);
  const answers: LoadStatsResponse[] = [];
  call.on("data", (bytes: Buffer) => answers.push(LoadStatsResponse.decode(bytes)));
  call.on("error", () => undefined);
  call.write(report({ node: { id: "n" }, clusterStats: [{ clusterName: "web" }] }));
  call.write(report({ clusterStats: [{ clusterName: "web" }, { clusterName: "api" }] }));
  await until(() => answers.length === 2);
  assert.deepEqual(
    answers.map(({ clusters }) => clusters),
    [["web"], ["web", "api"]],
  );
  const bad = client.makeBidiStreamRequest(path, identity, identity);
  const failed = new Promise<{ code: number }>((resolve) => bad.once("error", (error) => resolve(error as never)));
  bad.on("data", () => undefined);
  bad.write(Buffer.from([0xff, 0xff, 0xff]));
  assert.equal((await failed).code, 3);
  call.cancel();
});

const type = (typeUrl: string, parts: Partial<ProxyTypeStatus>): ProxyTypeStatus => ({
  typeUrl,
  type: "",
  status: "SYNCED",
  wildcard: false,
  names: 0,
  subscribed: new Set(),
  sentSeq: 0,
  ackedSeq: 0,
  sentAt: 1,
  ackedAt: 1,
  nacks: 0,
  lastNack: undefined,
  ...parts,
});

test("client status: SYNCED, NOT_SENT, STALE and ERROR by resource, for the clients that are asked about", async () => {
  const tables = createTables();
  for (const name of ["a", "b", "c"]) tables.table(TYPE_URL.cluster).set(resource(TYPE_URL.cluster, name));
  tables.table(TYPE_URL.endpoint).set(resource(TYPE_URL.endpoint, "a"));
  const proxy = (nodeId: string, types: ProxyTypeStatus[]) =>
    ({ nodeId, nodeCluster: "edge", view: "v", types }) as unknown as ProxyStatus;
  const proxies = () => [
    proxy("one", [
      type(TYPE_URL.cluster, { wildcard: true, ackedSeq: 1, sentSeq: 2, status: "STALE" }),
      type(TYPE_URL.endpoint, {
        subscribed: new Set(["a", "gone"]),
        sentSeq: 1,
        status: "NACKED",
        lastNack: { message: "no", at: 1 },
      }),
    ]),
    proxy("two", []),
  ];
  const client = await connect(statusService({ proxies, tables: () => tables }));
  const ask = (request: Parameters<typeof ClientStatusRequest.fromPartial>[0]) =>
    new Promise<ClientStatusResponse>((resolve, reject) => {
      const bytes = Buffer.from(ClientStatusRequest.encode(ClientStatusRequest.fromPartial(request)).finish());
      const path = "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus";
      client.makeUnaryRequest(path, identity, identity, bytes, (error, answer) =>
        error ? reject(error) : resolve(ClientStatusResponse.decode(answer as Buffer)),
      );
    });
  const one = await ask({ nodeMatchers: [{ nodeId: { matchPattern: { $case: "prefix", value: "on" } } }] } as never);
  assert.deepEqual(
    one.config.map(({ node }) => node?.id),
    ["one"],
  );
  assert.deepEqual(
    one.config[0]?.genericXdsConfigs.map(({ name, configStatus, errorState }) => [name, configStatus, errorState?.details]),
    [
      ["a", ConfigStatus.SYNCED, undefined],
      ["b", ConfigStatus.STALE, undefined],
      ["c", ConfigStatus.NOT_SENT, undefined],
      ["a", ConfigStatus.ERROR, "no"],
    ],
  );
  assert.equal((await ask({})).config.length, 2);
});

async function until(check: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !check(); turn++) await systemClock.sleep(10);
  assert.ok(check(), "it did not happen within 5 s");
}
