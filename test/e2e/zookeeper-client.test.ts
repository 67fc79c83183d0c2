/** Both ZooKeeper transports against a real server: the same operations, which must come to the same. */
import assert from "node:assert/strict";
import { connect as connectSocket, createServer } from "node:net";
import { after, before, test } from "node:test";
import {
  type Connect,
  type Connection,
  type ConnectRequest,
  SessionExpired,
  type TransportOptions,
  type WatchEvent,
} from "../../adapters/zookeeper/connection.ts";
import { createPackageConnect } from "../../adapters/zookeeper/package-client.ts";
import { createWireConnect } from "../../adapters/zookeeper/wire/connection.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { Secret } from "../../src/kernel/secret.ts";
import { selfSigned } from "../support/certificate.ts";
import { eventually } from "../support/eventually.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { freePort } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";
import { startZooKeeper, type ZooKeeper } from "../support/zookeeper.ts";
import { connectWriter } from "../support/zookeeper-writer.ts";

const { skip } = requireServers("zookeeper");
const certificate = selfSigned("localhost");
const shared = new AsyncDisposableStack();
let server: ZooKeeper;

before(async () => {
  if (!skip) server = await startZooKeeper({ certificate }, shared);
});
after(() => shared.disposeAsync());

const TRANSPORTS: readonly (readonly [string, (options: TransportOptions) => Connect])[] = [
  ["wire", createWireConnect],
  ["package", createPackageConnect],
];

interface OpenOptions extends Partial<TransportOptions> {
  readonly request?: Partial<ConnectRequest>;
}

function optionsOf({ request: _, ...options }: OpenOptions): TransportOptions {
  return { registry: "zk", sessionTimeoutMs: 6000, auth: [], clock: systemClock, log: silentLog, ...options };
}

/** A connection that ends with the scope. */
async function open(
  scope: AsyncDisposableStack,
  create: (options: TransportOptions) => Connect,
  options: OpenOptions = {},
): Promise<Connection> {
  const { signal } = new AbortController();
  const request = { host: "127.0.0.1", port: server.port, session: undefined, onWatch: () => undefined, signal };
  const connection = await create(optionsOf(options))({ ...request, ...options.request });
  scope.defer(() => connection.close());
  return connection;
}

const text = (value: { readonly data: Uint8Array } | undefined) => value && Buffer.from(value.data).toString();
const codeOf = (error: unknown) => (error instanceof MeshbridgeError ? error.message : String(error));

/** One operation, and what is told of it, without what differs from run to run. */
const OPERATIONS: readonly (readonly [string, (connection: Connection) => Promise<unknown>])[] = [
  ["create", (zk) => zk.create("/a", Buffer.from("one"))],
  ["create again", (zk) => zk.create("/a", Buffer.from("two"))],
  ["create without a parent", (zk) => zk.create("/no/where", Buffer.from("x"))],
  ["create of an empty node", (zk) => zk.create("/a/empty", Buffer.alloc(0))],
  ["create of a child with an odd name", (zk) => zk.create("/a/dubbo%3A%2F%2F1.2.3.4%3Fx=ä", Buffer.from([0, 255, 128]))],
  ["create of an ephemeral node", (zk) => zk.create("/a/ephemeral", Buffer.from("e"), { ephemeral: true })],
  ["create below an ephemeral node", (zk) => zk.create("/a/ephemeral/x", Buffer.alloc(0))],
  ["getData", async (zk) => text(await zk.getData("/a"))],
  ["getData of an empty node", async (zk) => text(await zk.getData("/a/empty"))],
  ["getData of bytes", async (zk) => (await zk.getData("/a/dubbo%3A%2F%2F1.2.3.4%3Fx=ä"))?.data.join()],
  ["getData of no node", (zk) => zk.getData("/none")],
  ["getChildren", async (zk) => (await zk.getChildren("/a"))?.children.toSorted()],
  ["getChildren of a leaf", async (zk) => (await zk.getChildren("/a/empty"))?.children],
  ["getChildren of no node", (zk) => zk.getChildren("/none")],
  ["exists of no node", (zk) => zk.exists("/none")],
  ["a stat", async (zk) => statOf(await zk.exists("/a"))],
  ["a stat of an ephemeral node", async (zk) => (await zk.exists("/a/ephemeral"))?.ephemeralOwner.toString(16) === zk.session.id],
  ["setData", (zk) => zk.setData("/a", Buffer.from("changed"))],
  ["what was set", async (zk) => text(await zk.getData("/a"))],
  ["setData of no node", (zk) => zk.setData("/none", Buffer.alloc(0))],
  ["replace of another version", (zk) => zk.replace("/a/empty", Buffer.from("new"), [{ path: "/a/empty", version: 7 }])],
  ["what that left", async (zk) => statOf(await zk.exists("/a/empty"))],
  ["replace of no node", (zk) => zk.replace("/none", Buffer.alloc(0), [{ path: "/none", version: 0 }])],
  ["replace", (zk) => zk.replace("/a/ephemeral", Buffer.from("new"), [{ path: "/a/ephemeral", version: 0 }])],
  ["what it replaced", async (zk) => text(await zk.getData("/a/ephemeral"))],
  ["replace by another name", (zk) => zk.replace("/a/renamed", Buffer.from("n"), [{ path: "/a/ephemeral", version: 0 }])],
  ["the names after it", async (zk) => (await zk.getChildren("/a"))?.children.toSorted()],
  ["create at a path that is none", (zk) => zk.create("/a//b", Buffer.alloc(0))],
  ["a path without a root", (zk) => zk.getChildren("a")],
  ["a path that leads upwards", (zk) => zk.exists("/a/..")],
  ["remove of a node with children", (zk) => zk.remove("/a")],
  ["remove", (zk) => zk.remove("/a/empty")],
  ["remove of no node", (zk) => zk.remove("/a/empty")],
  ["a stat after that", async (zk) => statOf(await zk.exists("/a"))],
];

function statOf(stat: Awaited<ReturnType<Connection["exists"]>>) {
  if (stat === undefined) return undefined;
  const { version, cversion, numChildren, czxid, mzxid, pzxid, ephemeralOwner } = stat;
  return { version, cversion, numChildren, ephemeralOwner, order: [mzxid >= czxid, pzxid > czxid] };
}

test("both transports come to the same in every operation", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const root = await open(scope, createWireConnect);
  const outcomes: unknown[][] = [];
  for (const [name, create] of TRANSPORTS) {
    await root.create(`/same-${name}`, Buffer.alloc(0));
    const connection = await open(scope, create, { chroot: `/same-${name}` });
    const outcome: unknown[] = [];
    for (const [what, run] of OPERATIONS)
      outcome.push([what, await run(connection).catch((error: unknown) => `rejected: ${codeOf(error)}`)]);
    outcomes.push(outcome);
  }
  assert.deepEqual(outcomes[0], outcomes[1]);
  const told = new Map(outcomes[0] as [string, unknown][]);
  assert.equal(told.get("getData"), "one");
  assert.equal(told.get("what was set"), "changed");
  assert.equal(told.get("getData of bytes"), "0,255,128");
  assert.deepEqual(told.get("getChildren"), ["dubbo%3A%2F%2F1.2.3.4%3Fx=ä", "empty", "ephemeral"]);
  assert.equal(told.get("a stat of an ephemeral node"), true);
  assert.match(String(told.get("create again")), /MB_REGISTRY_REFUSED.*NodeExists/);
  assert.match(String(told.get("create at a path that is none")), /BadArguments/);
  assert.match(String(told.get("replace of another version")), /BadVersion/);
  assert.match(String(told.get("replace of no node")), /NoNode/);
  assert.equal(told.get("what it replaced"), "new");
});

test("a node that is replaced outlives the session that made it", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const [first, second] = [await open(scope, createWireConnect), await open(scope, createWireConnect)];
  await first.create("/handed-over", Buffer.from("old"), { ephemeral: true });
  const stat = await first.exists("/handed-over");
  await second.replace("/handed-over", Buffer.from("new"), [{ path: "/handed-over", version: stat?.version ?? -1 }]);
  await first.close();
  assert.equal(text(await second.getData("/handed-over")), "new");
  assert.equal((await second.exists("/handed-over"))?.ephemeralOwner.toString(16), second.session.id);
});

for (const [name, create] of TRANSPORTS) {
  test(`${name}: one-shot watches report what they were set for, before the answer that shows it`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const root = await open(scope, createWireConnect);
    const base = `/watched-${name}`;
    await root.create(base, Buffer.alloc(0));
    const events: WatchEvent[] = [];
    const request = { onWatch: (event: WatchEvent) => void events.push(event) };
    const zk = await open(scope, create, { chroot: base, request });
    assert.equal(await zk.exists("/n", true), undefined);
    await zk.getChildren("/", true);
    await zk.create("/n", Buffer.from("1"));
    await zk.getData("/n", true);
    await zk.getChildren("/n", true);
    await zk.setData("/n", Buffer.from("2"));
    await zk.setData("/n", Buffer.from("3"));
    await zk.getData("/n", true);
    await zk.remove("/n");
    await zk.exists("/");
    assert.deepEqual(
      events.map(({ type, path }) => `${type} ${path}`),
      ["created /n", "children /", "changed /n", "deleted /n"],
    );
  });

  test(`${name}: thousands of requests at once are answered`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const zk = await open(scope, create);
    await zk.create(`/many-${name}`, Buffer.alloc(0));
    const paths = Array.from({ length: 5000 }, (_, index) => `/many-${name}/provider-${index}`);
    await Promise.all(paths.map((path) => zk.create(path, Buffer.from(path))));
    const read = await Promise.all(paths.map((path) => zk.getData(path)));
    assert.deepEqual(read.map(text), paths);
    assert.equal((await zk.getChildren(`/many-${name}`))?.children.length, 5000);
    assert.ok((await Promise.all(paths.map((path) => zk.remove(path)))).every(Boolean));
  });

  test(`${name}: a node for one user is shown to him alone`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const writer = await connectWriter({ address: server.address, digest: "reader:secret" }, scope);
    const path = `/private-${name}`;
    await writer.put(path, "for the reader");
    await writer.allow(path, [{ scheme: "auth", id: "", perms: 31 }]);
    const stranger = await open(scope, create);
    await assert.rejects(stranger.getData(path), /MB_REGISTRY_REFUSED.*NoAuth for \/private/);
    const auth = [{ scheme: "digest", credentials: new Secret("reader:secret") }];
    const reader = await open(scope, create, { auth });
    assert.equal(text(await reader.getData(path)), "for the reader");
  });

  test(`${name}: a scheme the server does not know is refused, without the secret`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const auth = [{ scheme: "unheard-of", credentials: new Secret("topsecret") }];
    await assert.rejects(open(scope, create, { auth }), (error: Error) => {
      assert.match(error.message, /MB_REGISTRY_REFUSED.*AuthFailed/);
      assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /topsecret/);
      return true;
    });
  });

  test(`${name}: closing ends the session and its nodes, giving up leaves them`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const observer = await open(scope, createWireConnect);
    for (const [end, stays] of [
      ["close", false],
      ["abandon", true],
    ] as const) {
      const path = `/${end}-${name}`;
      const zk = await open(scope, create);
      await zk.create(path, Buffer.alloc(0), { ephemeral: true });
      await zk[end]();
      await zk.ended;
      assert.equal((await observer.exists(path)) !== undefined, stays);
      await assert.rejects(zk.exists(path), /MB_REGISTRY_UNREACHABLE/);
    }
  });

  test(`${name}: nobody listening is told at once`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const port = await freePort();
    const began = performance.now();
    await assert.rejects(open(scope, create, { request: { port } }), /MB_REGISTRY_UNREACHABLE/);
    assert.ok(performance.now() - began < 2000);
  });

  test(`${name}: a server that is stopped is noticed within two thirds of the session's timeout`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const own = await startZooKeeper({}, scope);
    const zk = await open(scope, create, { sessionTimeoutMs: 3000, request: { port: own.port } });
    assert.equal(zk.session.timeoutMs, 3000);
    const began = performance.now();
    own.program.pause();
    const { error, expired } = await zk.ended;
    const took = performance.now() - began;
    own.program.resume();
    assert.match(error.message, /MB_REGISTRY_UNREACHABLE.*for 2000 ms/);
    assert.equal(expired, false);
    assert.ok(took > 900 && took < 2500, `${took} ms`);
  });

  test(`${name}: bytes held back on the way are noticed, and a cut as well`, { skip }, async () => {
    await using scope = new AsyncDisposableStack();
    const proxy = await startFaultProxy(server.port, scope);
    const zk = await open(scope, create, { sessionTimeoutMs: 1500, request: { port: proxy.port } });
    await proxy.set({ kind: "black-hole" });
    const began = performance.now();
    await assert.rejects(zk.exists("/"), /MB_REGISTRY_UNREACHABLE/);
    assert.ok(performance.now() - began < 1500);
    const unanswered = AbortSignal.timeout(300);
    await assert.rejects(open(scope, create, { request: { port: proxy.port, signal: unanswered } }), { name: "TimeoutError" });
    await proxy.set({ kind: "pass" });
    const cut = await open(scope, create, { request: { port: proxy.port } });
    proxy.resetAll();
    assert.equal((await cut.ended).expired, false);
  });
}

test("a session is resumed with its ephemeral nodes, until it has expired", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const connect = createWireConnect(optionsOf({ sessionTimeoutMs: 1000 }));
  const { signal } = new AbortController();
  const request = { host: "127.0.0.1", port: server.port, onWatch: () => undefined, signal };
  const first = await connect({ ...request, session: undefined });
  await first.create("/owned", Buffer.alloc(0), { ephemeral: true });
  first.abandon();
  await first.ended;
  const second = await connect({ ...request, session: first.session });
  assert.equal(second.resumed, true);
  assert.equal(second.session.id, first.session.id);
  assert.equal((await second.exists("/owned"))?.ephemeralOwner.toString(16), first.session.id);
  second.abandon();
  await second.ended;
  const observer = await open(scope, createWireConnect);
  await eventually("the session expires", async () => assert.equal(await observer.exists("/owned"), undefined));
  // A client that does not know how long it has been: the server says it.
  const other = createWireConnect(optionsOf({ sessionTimeoutMs: 1000 }));
  await assert.rejects(other({ ...request, session: second.session }), SessionExpired);
  const stolen = { ...observer.session, password: new Uint8Array(16) };
  await assert.rejects(other({ ...request, session: stolen }), SessionExpired);
});

test("a recursive watch reports everything below its path, for as long as the connection lives", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const root = await open(scope, createWireConnect);
  await root.create("/recursive", Buffer.alloc(0));
  const events: WatchEvent[] = [];
  const request = { onWatch: (event: WatchEvent) => void events.push(event) };
  const zk = await open(scope, createWireConnect, { chroot: "/recursive", request });
  assert.equal(await zk.watchRecursively("/"), true);
  await root.create("/recursive/a", Buffer.alloc(0));
  await root.create("/recursive/a/b", Buffer.alloc(0));
  await root.setData("/recursive/a/b", Buffer.from("1"));
  await root.setData("/recursive/a/b", Buffer.from("2"));
  await root.remove("/recursive/a/b");
  await eventually("all is reported", () =>
    assert.deepEqual(
      events.map(({ type, path }) => `${type} ${path}`),
      ["created /a", "created /a/b", "changed /a/b", "changed /a/b", "deleted /a/b"],
    ),
  );
  assert.equal(await (await open(scope, createPackageConnect)).watchRecursively("/"), false);
});

test("IPv6: the wire client connects to ::1, the package says that it cannot", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const port = await freePort("::1");
  const relay = createServer((near) => {
    const far = connectSocket(server.port, "127.0.0.1");
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => relay.listen(port, "::1", resolve));
  scope.defer(() => void relay.close());
  const zk = await open(scope, createWireConnect, { request: { host: "::1", port } });
  assert.ok(await zk.exists("/"));
  const refused = open(scope, createPackageConnect, { request: { host: "::1", port } });
  await assert.rejects(refused, /MB_REGISTRY_UNREACHABLE.*\[::1\].*IPv4 addresses alone/);
});

test("TLS: a trusted certificate is accepted, another one and another name are not; the package says that it cannot", {
  skip,
}, async () => {
  await using scope = new AsyncDisposableStack();
  const [host = "", port] = server.tlsAddress.split(":");
  const withTls = (tls: Awaited<ReturnType<NonNullable<TransportOptions["tls"]>>>) => ({
    tls: async () => tls,
    request: { host, port: Number(port) },
  });
  const trusted = withTls({ ca: certificate.cert });
  assert.ok(await (await open(scope, createWireConnect, trusted)).exists("/"));
  const others = [{ ca: selfSigned("localhost").cert }, { ca: certificate.cert, servername: "elsewhere" }, {}];
  for (const tls of others) await assert.rejects(open(scope, createWireConnect, withTls(tls)), /MB_REGISTRY_UNREACHABLE/);
  await assert.rejects(open(scope, createPackageConnect, trusted), /knows no TLS/);
});
