import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "./client.ts";
import { type Reaction, startStubConsul } from "./stub-consul.ts";
import { contextFor } from "./testing.ts";
import { createTransport } from "./transport.ts";

async function ask(reaction: Reaction | undefined, { timeoutMs = 5000, signal = new AbortController().signal } = {}) {
  const stub = await startStubConsul();
  if (reaction !== undefined) stub.trouble = () => reaction;
  const transport = createTransport(stub.url, { tls: undefined, baseDir: "/", connections: 2 });
  const client = createClient({ address: `${stub.url}/` }, { context: contextFor(signal), transport, label: "consul" });
  try {
    return await client.get("/catalog/services", { stale: "" }, { timeoutMs, signal });
  } finally {
    transport.close();
    await stub.stop();
  }
}

test("a reply comes with what its headers say", async () => {
  const answer = await ask({ headers: { "x-consul-results-filtered-by-acls": "true", "x-consul-lastcontact": "120" } });
  assert.deepEqual(answer, {
    reply: { body: { consul: [] }, index: "100", filteredByAcls: true, knownLeader: true, lastContactMs: 120 },
  });
});

for (const [name, reaction, code, text] of [
  ["a refusal", { status: 403, text: "ACL not found" }, "MB_REGISTRY_REFUSED", /refused with 403: ACL not found$/],
  [
    "a refusal with a long page",
    { status: 502, text: `<p>${"x".repeat(9999)}` },
    "MB_REGISTRY_REFUSED",
    /refused with 502: <p>x{197}$/,
  ],
  ["a redirect", { status: 301 }, "MB_REGISTRY_REFUSED", /refused with 301/],
  ["no JSON", { body: "{" }, "MB_REGISTRY_BAD_REPLY", /no JSON$/],
  ["a body that ends early", "cut", "MB_REGISTRY_UNREACHABLE", /aborted/],
  ["a body without end", { body: "x".repeat(33 * 1024 * 1024) }, "MB_REGISTRY_UNREACHABLE", /larger than 32 MiB/],
] as const)
  test(`${name} is ${code}`, async () => {
    const answer = await ask(reaction);
    assert.ok("error" in answer);
    assert.equal(answer.error.code, code);
    assert.match(answer.error.message, text);
  });

test("no answer by the deadline is MB_REGISTRY_UNREACHABLE", async () => {
  const answer = await ask("hang", { timeoutMs: 50 });
  assert.ok("error" in answer);
  assert.equal(answer.error.code, "MB_REGISTRY_UNREACHABLE");
  assert.match(answer.error.message, /timed out/);
});

test("an abort ends a request that hangs, with the signal's reason", async () => {
  const stop = new AbortController();
  const asked = ask("hang", { signal: stop.signal });
  setImmediate(() => stop.abort(new Error("enough")));
  await assert.rejects(asked, /enough/);
});

test("a wait is read from a 503", async () => {
  const answer = await ask({ status: 503, headers: { "retry-after": "7" } });
  assert.ok("error" in answer);
  assert.equal(answer.retryAfterMs, 7000);
});
