import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { silentLog } from "../kernel/log.ts";
import { createAdminApp } from "./app.ts";
import { listenAdmin } from "./listen.ts";
import { testState } from "./testing/state.ts";

const folder = mkdtempSync(join(tmpdir(), "meshbridge-admin-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function newApp(t: TestContext) {
  const app = await createAdminApp(testState(), { log: silentLog });
  t.after(() => app.close());
  return app;
}

function get(socketPath: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path, host: "localhost", agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.on("error", reject);
    asking.end();
  });
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve) => server.listen(path, resolve));
}

test("tcp: resolves with the address; a port that is taken is MB_LISTEN_FAILED", async (t) => {
  const address = await listenAdmin(await newApp(t), { kind: "tcp", host: "127.0.0.1", port: 0 });
  assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal((await fetch(`${address}/livez`)).status, 200);
  const taken = { kind: "tcp", host: "127.0.0.1", port: Number(new URL(address).port) } as const;
  await assert.rejects(listenAdmin(await newApp(t), taken), { code: "MB_LISTEN_FAILED", message: /the admin API.*EADDRINUSE/ });
});

test("unix: a socket for its owner alone", async (t) => {
  const path = join(folder, "own.sock");
  assert.equal(await listenAdmin(await newApp(t), { kind: "unix", path }), `unix:${path}`);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await get(path, "/livez"), 200);
});

test("unix: a socket left by a process that was killed is replaced", async (t) => {
  const path = join(folder, "stale.sock");
  const moved = join(folder, "moved.sock");
  const dead = createServer();
  await listening(dead, path);
  // Closing removes the file it listened on by its name: under another name it stays behind, as after a kill.
  renameSync(path, moved);
  await new Promise((resolve) => dead.close(resolve));
  renameSync(moved, path);
  await listenAdmin(await newApp(t), { kind: "unix", path });
  assert.equal(await get(path, "/livez"), 200);
});

test("unix: a socket that somebody answers on, and a file that is no socket, are left alone", async (t) => {
  const used = join(folder, "used.sock");
  const other = createServer((socket) => socket.end());
  await listening(other, used);
  t.after(() => new Promise((resolve) => other.close(resolve)));
  await assert.rejects(listenAdmin(await newApp(t), { kind: "unix", path: used }), { code: "MB_LISTEN_FAILED" });
  const file = join(folder, "notes.txt");
  writeFileSync(file, "keep me");
  await assert.rejects(listenAdmin(await newApp(t), { kind: "unix", path: file }), { code: "MB_LISTEN_FAILED" });
  assert.equal(statSync(file).isFile(), true);
  await assert.rejects(listenAdmin(await newApp(t), { kind: "unix", path: join(folder, "no", "where.sock") }), {
    code: "MB_LISTEN_FAILED",
  });
});
