import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { fakeClock } from "../../kernel/fake-clock.ts";
import type { ProbeSettings } from "../settings/schema.ts";
import { decodeServing, encodeCheck } from "./grpc-health.ts";
import { probeOf } from "./probes.ts";
import { NO_VERDICT, nextVerdict } from "./threshold.ts";
import { type Readiness, watchReadiness } from "./watch.ts";

const look = (probe: ProbeSettings, withinMs = 2000) => probeOf(probe, "127.0.0.1")(AbortSignal.timeout(withinMs));

test("so many looks in a row change the verdict", () => {
  const thresholds = { success: 2, failure: 3 };
  const verdictsOf = (looks: readonly boolean[]) => {
    let verdict = NO_VERDICT;
    return looks.map((good) => {
      verdict = nextVerdict(verdict, good, thresholds);
      return verdict.ready;
    });
  };
  const no = undefined;
  const seen = verdictsOf([true, false, true, true, false, false, true, false, false, false]);
  assert.deepEqual(seen, [no, no, no, true, true, true, true, true, true, false]);
  assert.deepEqual(verdictsOf([false, false, false, true, true]), [no, no, false, false, true]);
});

test("http: 200 to 399 is ready; refused, slow and broken ones say why", async (t) => {
  const server = createServer((request, response) => {
    if (request.url === "/hang") return;
    response.statusCode = Number(request.url?.slice(1));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  assert.equal(await look({ http: { port, path: "/200" } }), undefined);
  assert.equal(await look({ http: { port, path: "/302" } }), undefined);
  assert.equal(await look({ http: { port, path: "/503" } }), "GET /503 answered 503");
  assert.equal(await look({ http: { port, path: "/hang" } }, 50), "no answer in time");
  assert.equal(await look({ tcp: { port } }), undefined);
  assert.match((await look({ tcp: { port: 1 } })) ?? "", /ECONNREFUSED/);
});

test("exec: the end with 0 is ready; a command that hangs is killed", async () => {
  assert.equal(await look({ exec: { command: ["true"] } }), undefined);
  assert.equal(await look({ exec: { command: ["sh", "-c", "exit 3"] } }), "sh ended with 3");
  assert.equal(await look({ exec: { command: ["sleep", "60"] } }, 100), "no answer in time");
  assert.match((await look({ exec: { command: ["/no/such/program"] } })) ?? "", /ENOENT/);
});

test("grpc: the health service's answer counts, for the service asked for", async (t) => {
  const server = new Server();
  const raw = (value: Buffer) => value;
  const method = { path: "/grpc.health.v1.Health/Check", requestStream: false, responseStream: false } as const;
  const codec = { requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw };
  server.addService({ check: { ...method, ...codec } } as never, {
    check: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) =>
      done(null, Buffer.from([0x08, call.request.includes("up") ? 1 : 2])),
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  t.after(() => server.forceShutdown());
  assert.equal(await look({ grpc: { port, service: "up" } }), undefined);
  assert.match((await look({ grpc: { port } })) ?? "", /not serving/);
  assert.match((await look({ grpc: { port: 1 } })) ?? "", /UNAVAILABLE/);
});

test("grpc health messages: a name of any length, and no answer at all is not serving", () => {
  assert.deepEqual(encodeCheck(""), Buffer.alloc(0));
  assert.deepEqual([...encodeCheck("x".repeat(200)).subarray(0, 3)], [0x0a, 0xc8, 0x01]);
  assert.equal(decodeServing(Buffer.alloc(0)), false);
});

test("what is told: the first verdict, and each that differs", async () => {
  const clock = fakeClock();
  const stop = new AbortController();
  const answers = [undefined, undefined, "a", "a", "b", undefined];
  const looks = [async () => answers.shift()];
  const told: Readiness[] = [];
  const options = { looks, thresholds: { success: 1, failure: 1 }, intervalMs: 100, timeoutMs: 1000, clock, signal: stop.signal };
  const ended = (async () => {
    for await (const readiness of watchReadiness(options)) told.push(readiness);
  })();
  await clock.advance(550);
  stop.abort();
  await ended;
  assert.deepEqual(
    told.map(({ ready, reason }) => reason ?? ready),
    [true, "a", "b", true],
  );
});
