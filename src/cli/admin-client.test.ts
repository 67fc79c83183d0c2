import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type AdminClient, createAdminClient } from "./admin-client.ts";
import { closedAddress, ok, startStubBridge } from "./testing/stub-bridge.ts";

const client = (address: string, timeoutMs = 5000): AdminClient =>
  createAdminClient({ address, timeoutMs, signal: new AbortController().signal });

test("a body is read, over TCP, without a scheme and over a unix socket", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "meshbridge-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const answers = { "/v1/version": ok({ version: "1" }), "/mesh/v1/version": ok({ version: "2" }) };
  const bridge = await startStubBridge(t, answers);
  const local = await startStubBridge(t, answers, join(folder, "admin.sock"));
  for (const [address, version] of [
    [bridge.address, "1"],
    [bridge.address.replace("http://", ""), "1"],
    [`${bridge.address}/mesh/`, "2"],
    [local.address, "1"],
    [local.address.replace("unix:", "unix://"), "1"],
  ] as const) {
    assert.deepEqual(await client(address).read("/v1/version"), { version }, address);
  }
});

test("a list is read to its last page, in order, with the query on every page", async (t) => {
  const pages = new Map([
    ["", { items: [1, 2], nextCursor: "b", total: 5 }],
    ["b", { items: [3, 4], nextCursor: "c", total: 5 }],
    ["c", { items: [5], total: 5 }],
  ]);
  const bridge = await startStubBridge(t, { "/v1/services": (query) => ok(pages.get(query.get("cursor") ?? "")) });
  assert.deepEqual(await client(bridge.address).list("/v1/services", { q: "we b", namespace: undefined }), [1, 2, 3, 4, 5]);
  assert.equal(bridge.requests.length, 3);
  for (const request of bridge.requests) assert.match(request, /\?q=we\+b&limit=\d+/);
});

test("a list that repeats a page, or is none, is an error instead of a loop", async (t) => {
  const bridge = await startStubBridge(t, {
    "/v1/loop": ok({ items: [1], nextCursor: "same" }),
    "/v1/none": ok({ things: [] }),
  });
  await assert.rejects(client(bridge.address).list("/v1/loop"), { code: "MB_BRIDGE_BAD_REPLY", exitCode: 3 });
  await assert.rejects(client(bridge.address).list("/v1/none"), { code: "MB_BRIDGE_BAD_REPLY", exitCode: 3 });
});

test("the bridge's problem arrives with its own code, sentence, next step and exit code", async (t) => {
  const problem = { code: "MB_NOT_FOUND", title: "Not found", detail: "there is no service called a/b", hint: "look around" };
  const bridge = await startStubBridge(t, {
    "/v1/services/a/b": { status: 404, body: problem },
    "/v1/later": { status: 418, body: { code: "MB_OF_ANOTHER_VERSION", title: "Teapot" } },
    "/v1/prefixed": { status: 400, body: { code: "MB_BAD_REQUEST", detail: "MB_BAD_REQUEST: no" } },
  });
  await assert.rejects(client(bridge.address).read("/v1/services/a/b"), {
    code: "MB_NOT_FOUND",
    message: "MB_NOT_FOUND: there is no service called a/b",
    next: "look around",
    exitCode: 1,
  });
  await assert.rejects(client(bridge.address).read("/v1/later"), {
    message: "MB_OF_ANOTHER_VERSION: Teapot",
    next: "see the bridge's log",
    exitCode: 2,
  });
  await assert.rejects(client(bridge.address).read("/v1/prefixed"), { message: "MB_BAD_REQUEST: no", exitCode: 2 });
});

test("nobody there, no answer in time and a stranger are told apart", async (t) => {
  const bridge = await startStubBridge(t, {
    "/html": { status: 200, body: "<html>" },
    "/error": { status: 502, body: { message: "proxy" } },
  });
  await assert.rejects(client(await closedAddress()).read("/v1/version"), (error: Error & { exitCode?: number }) => {
    assert.match(error.message, /^MB_BRIDGE_UNREACHABLE: no bridge answers at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    assert.equal(error.exitCode, 3);
    return true;
  });
  const strange = { code: "MB_BRIDGE_BAD_REPLY", exitCode: 3 };
  await assert.rejects(client(bridge.address).read("/html"), strange);
  await assert.rejects(client(bridge.address).read("/error"), strange);
});

test("an answer that does not come ends at the deadline", async (t) => {
  const { createServer } = await import("node:net");
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => silent.close());
  const address = silent.address();
  assert(typeof address === "object" && address !== null);
  await assert.rejects(client(`127.0.0.1:${address.port}`, 50).read("/v1/version"), {
    code: "MB_BRIDGE_UNREACHABLE",
    message: `MB_BRIDGE_UNREACHABLE: no bridge answers at 127.0.0.1:${address.port}: no answer within 0.05 s`,
  });
});

test("an address that is none is a usage error", () => {
  for (const address of ["ftp://127.0.0.1", "http://", "http://x:99999"]) {
    assert.throws(() => client(address), { code: "MB_USAGE", exitCode: 2 }, address);
  }
});
