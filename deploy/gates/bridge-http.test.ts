import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { bridgeHttp } from "./bridge-http.ts";

async function serve(t: TestContext, status: number, text: string, headers: Record<string, string> = {}) {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    bodies.push(`${request.method} ${request.url} ${body}`);
    response.writeHead(status, { date: "Thu, 01 Jan 2026 12:00:00 GMT", ...headers }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { bodies, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const { signal } = new AbortController();
const client = (address: string, timeoutMs = 2000) => bridgeHttp({ address, timeoutMs, fetch });

test("an answer with the bridge's own time, also one that says no; a body is sent as JSON", async (t) => {
  const { address, bodies } = await serve(t, 409, '{"code":"MB_DRAIN_LAST"}');
  const answer = await client(address).ask({ method: "POST", path: "/v1/x?a=1", body: { reason: "r" } }, signal);
  assert.deepEqual(answer, { status: 409, body: { code: "MB_DRAIN_LAST" }, answeredAt: Date.UTC(2026, 0, 1, 12) });
  assert.deepEqual(bodies, ['POST /v1/x?a=1 {"reason":"r"}']);
});

for (const [what, status, text, headers] of [
  ["no JSON", 200, "<html>", {}],
  ["an answer of somewhere else", 302, "", { location: "http://127.0.0.1:1/" }],
] as const) {
  test(`${what} is Unknown`, async (t) => {
    const { address } = await serve(t, status, text, headers);
    assert.ok("unknown" in (await client(address).ask({ method: "GET", path: "/" }, signal)));
  });
}

test("nobody there, and silence until the deadline, are Unknown; the caller's own end is passed on", async (t) => {
  assert.ok("unknown" in (await client("http://127.0.0.1:1").ask({ method: "GET", path: "/" }, signal)));
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  assert.ok("unknown" in (await client(address, 50).ask({ method: "GET", path: "/" }, signal)));
  const over = AbortSignal.abort(new Error("over"));
  await assert.rejects(client(address).ask({ method: "GET", path: "/" }, over), /over/);
});
