/** The connection to an API server, against plain TLS servers of the test's own. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { type KubeApi, OPENED, WatchFailed } from "../../src/kubernetes/api.ts";
import { connectCluster } from "../../src/kubernetes/connect.ts";
import { registryFaults } from "../../src/kubernetes/faults.ts";
import { type KeyPair, selfSigned } from "../support/certificate.ts";
import { tempDir } from "../support/temp.ts";

const LIMITS = { timeoutMs: 10_000, signal: new AbortController().signal };

async function listen(server: Server, scope: AsyncDisposableStack): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

interface Setup {
  readonly answer: RequestListener;
  readonly user?: object;
  readonly dir?: string;
  /** Where the CA is; by default in the kubeconfig. */
  readonly authority?: object | undefined;
}

async function connected({ answer, user = { token: "t" }, dir = "/", authority }: Setup, scope: AsyncDisposableStack) {
  const certificate = selfSigned("127.0.0.1");
  const server = createServer(certificate, answer);
  const port = await listen(server, scope);
  let handshakes = 0;
  server.on("secureConnection", () => handshakes++);
  const api = await connect(`https://127.0.0.1:${port}`, { certificate, user, dir, authority }, scope);
  return {
    api,
    server,
    certificate,
    get handshakes() {
      return handshakes;
    },
  };
}

async function connect(
  url: string,
  { certificate, user = { token: "t" }, dir = "/", authority }: { certificate: KeyPair } & Omit<Partial<Setup>, "answer">,
  scope: AsyncDisposableStack,
): Promise<KubeApi> {
  const ca = authority ?? { "certificate-authority-data": Buffer.from(certificate.cert).toString("base64") };
  const kubeconfig = stringify({
    clusters: [{ name: "c", cluster: { server: url, ...ca } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  });
  const api = await connectCluster(kubeconfig, {
    faults: (address) => registryFaults("k8s", address),
    origin: "test",
    dir,
    context: undefined,
    allow: [],
    local: true,
  });
  scope.defer(() => api.close());
  return api;
}

const get = (api: KubeApi) => api.get("/api/v1/services", {}, LIMITS);

test("300 calls and a watch are at most two handshakes", async () => {
  await using scope = new AsyncDisposableStack();
  const rig = await connected(
    {
      answer: (request, reply) => {
        if (request.url?.includes("watch=true")) reply.writeHead(200).flushHeaders();
        else reply.end(`{"path":"${request.url}"}`);
      },
    },
    scope,
  );
  const watch = rig.api.watch("/api/v1/services", {}, LIMITS.signal)[Symbol.asyncIterator]();
  assert.equal((await watch.next()).value, OPENED);
  for (let call = 0; call < 300; call++) assert.deepEqual(await get(rig.api), { body: { path: "/api/v1/services" } });
  assert.equal(rig.handshakes, 2);
});

test("a watch gives its lines, however they are cut, and tells how it broke", async () => {
  await using scope = new AsyncDisposableStack();
  const { api } = await connected(
    {
      answer: async (_, reply) => {
        reply.writeHead(200).write('{"a":1}\n{"b"');
        await new Promise((resolve) => setImmediate(resolve));
        reply.write(':"ä"}\n{"half');
        setImmediate(() => reply.destroy());
      },
    },
    scope,
  );
  const seen: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const line of api.watch("/w", {}, LIMITS.signal)) seen.push(line);
    },
    (error) => error instanceof WatchFailed && error.refusal.error.code === "MB_REGISTRY_UNREACHABLE",
  );
  assert.deepEqual(seen, [OPENED, { a: 1 }, { b: "ä" }]);
});

test("a refusal has its status, the server's own words and how long it asks to wait", async () => {
  await using scope = new AsyncDisposableStack();
  const status = JSON.stringify({ kind: "Status", message: "too many requests\n", code: 429 });
  const { api } = await connected({ answer: (_, reply) => reply.writeHead(429, { "retry-after": "7" }).end(status) }, scope);
  const answer = await get(api);
  assert.ok("error" in answer);
  assert.deepEqual([answer.status, answer.retryAfterMs], [429, 7000]);
  assert.match(answer.error.message, /refused with 429: too many requests$/);
});

test("a token file is read at each request, and a missing one is a failure to try again after", async () => {
  await using scope = new AsyncDisposableStack();
  const dir = await tempDir(scope, "token");
  const seen: (string | undefined)[] = [];
  const { api } = await connected(
    {
      answer: (request, reply) => {
        seen.push(request.headers.authorization);
        reply.end("{}");
      },
      user: { tokenFile: "token" },
      dir,
    },
    scope,
  );
  const missing = await get(api);
  assert.ok("error" in missing && missing.error.message.includes(`the token file ${join(dir, "token")}`));
  await writeFile(join(dir, "token"), "one\n");
  await get(api);
  await writeFile(join(dir, "token"), "two\n");
  await get(api);
  assert.deepEqual(seen, ["Bearer one", "Bearer two"]);
});

test("a CA file that is replaced counts from the next connection on; half of one costs no connection that stands", async () => {
  await using scope = new AsyncDisposableStack();
  const dir = await tempDir(scope, "ca");
  const authority = { "certificate-authority": "ca.pem" };
  await writeFile(join(dir, "ca.pem"), "");
  const rig = await connected({ answer: (_, reply) => reply.writeHead(200).flushHeaders(), dir, authority }, scope);
  await writeFile(join(dir, "ca.pem"), rig.certificate.cert);
  const watch = rig.api.watch("/w", {}, LIMITS.signal)[Symbol.asyncIterator]();
  assert.equal((await watch.next()).value, OPENED);
  await writeFile(join(dir, "ca.pem"), rig.certificate.cert.slice(0, 100));
  assert.ok("error" in (await get(rig.api)));
  const still = await Promise.race([watch.next(), new Promise((resolve) => setTimeout(resolve, 50, "stands"))]);
  assert.equal(still, "stands");
  const next = selfSigned("127.0.0.1");
  await writeFile(join(dir, "ca.pem"), next.cert);
  rig.server.setSecureContext(next);
  const again = rig.api.watch("/w", {}, LIMITS.signal)[Symbol.asyncIterator]();
  assert.equal((await again.next()).value, OPENED);
});

test("a server with another certificate is not spoken to", async () => {
  await using scope = new AsyncDisposableStack();
  let asked = 0;
  const server = createServer(selfSigned("127.0.0.1"), (_, reply) => {
    asked++;
    reply.end("{}");
  });
  const port = await listen(server, scope);
  const api = await connect(`https://127.0.0.1:${port}`, { certificate: selfSigned("127.0.0.1") }, scope);
  const answer = await get(api);
  assert.ok("error" in answer && answer.error.code === "MB_REGISTRY_UNREACHABLE");
  assert.equal(asked, 0);
});

test("a server that takes the connection and says nothing is given up after five seconds", async () => {
  await using scope = new AsyncDisposableStack();
  const port = await listen(createTcpServer(), scope);
  const api = await connect(`https://127.0.0.1:${port}`, { certificate: selfSigned("127.0.0.1") }, scope);
  const from = performance.now();
  const answer = await get(api);
  assert.ok("error" in answer && answer.error.message.includes("no connection within 5 s"), JSON.stringify(answer));
  assert.ok(performance.now() - from < 7000);
});

test("whoever bridges something else does not load the Kubernetes client", async () => {
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) { if (name.includes("@kubernetes")) process.stdout.write("loaded " + name); return next(name, context); } });
    await import("./adapters/index.ts");
    await import("./adapters/kubernetes/index.ts");
    process.stdout.write("done");
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  assert.equal(stdout, "done");
});
