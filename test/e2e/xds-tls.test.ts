/** The xDS port with certificates: who gets in, and what a rotation costs. Nothing but this process is needed. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { DiscoveryRequest } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { type Log, silentLog } from "../../src/kernel/log.ts";
import type { IdentityRule } from "../../src/routing/identity-rule.ts";
import { NODE_METADATA } from "../../src/xds/bootstrap.ts";
import { createProxies } from "../../src/xds/proxies.ts";
import { createAccess } from "../../src/xds/server/access.ts";
import { createXdsServer } from "../../src/xds/server/server.ts";
import { SILENT_METRICS } from "../../src/xds/server/testing.ts";
import { createTables } from "../../src/xds/table.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import { authority, issue, type KeyPair, selfSigned } from "../support/certificate.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp.ts";
import { createJudge } from "../support/xds-rig.ts";

const HOST = "xds.test";
const METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
interface NodeFields {
  readonly id: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

interface RigOptions {
  readonly clientCa?: KeyPair;
  readonly identities?: readonly IdentityRule[];
}

async function rig(scope: AsyncDisposableStack, { clientCa, identities = [] }: RigOptions = {}) {
  const dir = await tempDir(scope, "tls");
  const certFile = join(dir, "tls.crt");
  const keyFile = join(dir, "tls.key");
  const clientCaFile = clientCa === undefined ? undefined : join(dir, "ca.crt");
  const first = selfSigned(HOST);
  await writeFile(certFile, first.cert);
  await writeFile(keyFile, first.key);
  if (clientCaFile !== undefined) await writeFile(clientCaFile, clientCa?.cert ?? "");
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_fields, message) => warnings.push(message), child: () => log };
  const tables = createTables();
  tables.complete = true;
  const handle = { key: "v", tables, ready: true, subscribe: () => () => undefined, release: () => undefined };
  const judge = createJudge();
  // Most of these clients are refused: what is judged is what was said to the others.
  scope.defer(() => judge.assertLegal(0));
  const server = createXdsServer({
    recorder: judge.recorder,
    views: { acquire: () => handle },
    proxies: createProxies(systemClock, () => undefined),
    defaults: { cluster: "c1", network: "default", namespace: "default" },
    epoch: "e",
    clock: systemClock,
    log,
    metrics: SILENT_METRICS,
    access: createAccess({ rules: () => identities }),
  });
  const ending = new AbortController();
  scope.defer(async () => {
    ending.abort();
    await server.drain(500);
  });
  const address = { kind: "tcp" as const, host: "127.0.0.1", port: 0 };
  const port = await server.listen({ address, tls: { certFile, keyFile, clientCaFile }, insecure: false }, ending.signal);
  /** Opens a stream on a connection of its own; resolves with what came back: `served`, or the error's code. */
  const ask = (trusted: KeyPair, own?: KeyPair, node: NodeFields = { id: "n" }): Promise<string> => {
    const identity = own === undefined ? [] : ([Buffer.from(own.key), Buffer.from(own.cert)] as const);
    const options = { "grpc.ssl_target_name_override": HOST, "grpc.use_local_subchannel_pool": 1 };
    const client = new Client(`127.0.0.1:${port}`, credentials.createSsl(Buffer.from(trusted.cert), ...identity), options);
    const pass = (bytes: Buffer) => bytes;
    const call = client.makeBidiStreamRequest(METHOD, pass, pass);
    return new Promise<string>((resolve) => {
      call.on("data", () => resolve("served"));
      call.on("error", (error: ServiceError) => resolve(`code ${error.code}`));
      call.write(
        Buffer.from(DiscoveryRequest.encode(DiscoveryRequest.fromPartial({ node, typeUrl: TYPE_URL.cluster })).finish()),
      );
    }).finally(() => {
      call.cancel();
      client.close();
    });
  };
  return { first, certFile, keyFile, warnings, ask };
}

test("with TLS a client that trusts the certificate is served, another one does not connect", async () => {
  await using scope = new AsyncDisposableStack();
  const { first, ask } = await rig(scope);
  assert.equal(await ask(first), "served");
  assert.equal(await ask(selfSigned(HOST)), "code 14");
});

test("with mTLS only a client with a certificate of the configured authority is served", async () => {
  await using scope = new AsyncDisposableStack();
  const known = selfSigned("client.test");
  const { first, ask } = await rig(scope, { clientCa: known });
  assert.equal(await ask(first, known), "served");
  assert.equal(await ask(first), "code 14");
  assert.equal(await ask(first, selfSigned("client.test")), "code 14");
});

test("with identities a certificate is good for its own nodes alone", async () => {
  await using scope = new AsyncDisposableStack();
  const clients = authority("clients");
  const any = {
    spiffe: undefined,
    dns: undefined,
    serviceAccount: undefined,
    gateway: undefined,
    cluster: undefined,
    node: undefined,
  };
  const identities: readonly IdentityRule[] = [
    { ...any, spiffe: "spiffe://td/ns/{namespace}/sa/*", role: "sidecar", namespace: "{namespace}" },
    { ...any, dns: "edge.test", role: "gateway", gateway: "edge", namespace: undefined },
  ];
  const { first, ask, warnings } = await rig(scope, { clientCa: clients, identities });
  const shop = issue({ names: ["spiffe://td/ns/shop/sa/web"], by: clients });
  const edge = issue({ names: ["edge.test"], by: clients });
  const both = issue({ names: ["spiffe://td/ns/shop/sa/web", "spiffe://td/ns/pay/sa/web"], by: clients });
  const sidecar = (namespace: string) => ({
    id: "n",
    metadata: { [NODE_METADATA.role]: "sidecar", [NODE_METADATA.namespace]: namespace },
  });
  const gateway = (name: string) => ({ id: "n", metadata: { [NODE_METADATA.role]: "gateway", [NODE_METADATA.gateway]: name } });
  for (const [own, node, expected] of [
    [shop, sidecar("shop"), "served"],
    [shop, sidecar("pay"), "code 7"],
    [shop, gateway("edge"), "code 7"],
    [edge, gateway("edge"), "served"],
    [edge, gateway("other"), "code 7"],
    [edge, sidecar("shop"), "code 7"],
    [both, sidecar("shop"), "code 7"],
    [issue({ names: ["stranger.test"], by: clients }), gateway("edge"), "code 7"],
    [issue({ names: ["edge.test"], by: authority("clients") }), gateway("edge"), "code 14"],
    [undefined, gateway("edge"), "code 14"],
  ] as const)
    assert.equal(await ask(first, own, node), expected);
  assert.ok(
    warnings.every((text) => text === "xds stream refused"),
    warnings.join(),
  );
});

test("a rotation is taken without a restart, and a half-written one keeps the last good pair", async () => {
  await using scope = new AsyncDisposableStack();
  const { first, certFile, keyFile, warnings, ask } = await rig(scope);
  const second = selfSigned(HOST);
  await writeFile(certFile, second.cert);
  await eventually("the pair that does not fit is reported", () => assert.ok(warnings.length > 0));
  assert.match(warnings[0] ?? "", /last good one stays/);
  assert.equal(await ask(first), "served");
  await writeFile(keyFile, second.key);
  await eventually("the new pair is used", async () => assert.equal(await ask(second), "served"));
  assert.equal(await ask(first), "code 14");
});

test("a pair that is unusable at the start is said to be", async () => {
  await using scope = new AsyncDisposableStack();
  const dir = await tempDir(scope, "tls");
  const files = { certFile: join(dir, "missing.crt"), keyFile: join(dir, "missing.key"), clientCaFile: undefined };
  const server = createXdsServer({
    views: { acquire: () => assert.fail("nobody connects") },
    proxies: createProxies(systemClock, () => undefined),
    defaults: { cluster: "c1", network: "default", namespace: "default" },
    epoch: "e",
    clock: systemClock,
    log: silentLog,
    metrics: SILENT_METRICS,
  });
  const address = { kind: "tcp" as const, host: "127.0.0.1", port: 0 };
  await assert.rejects(server.listen({ address, tls: files, insecure: false }, new AbortController().signal), {
    code: "MB_TLS_INVALID",
  });
});
