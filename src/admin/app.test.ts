import assert from "node:assert/strict";
import { test } from "node:test";
import { type Log, silentLog } from "../kernel/log.ts";
import { createAdminApp } from "./app.ts";
import { ask } from "./testing/ask.ts";
import { service, testState } from "./testing/state.ts";

test("what is not there, or not asked for rightly, is a problem that says so", async () => {
  const long = "a".repeat(3000);
  const cases: readonly (readonly [url: string, status: number, code: string, detail: string | RegExp])[] = [
    ["/nope?x=1", 404, "MB_NOT_FOUND", "there is no resource called /nope"],
    ["/v1/services?limit=0", 400, "MB_BAD_REQUEST", "the request is not valid: query/limit must be >= 1"],
    ["/v1/services?limit=1001", 400, "MB_BAD_REQUEST", "the request is not valid: query/limit must be <= 1000"],
    ["/v1/services?limit=ten", 400, "MB_BAD_REQUEST", "the request is not valid: query/limit must be integer"],
    ["/v1/services?limt=5", 400, "MB_BAD_REQUEST", 'the request is not valid: query has no "limt"; did you mean "limit"?'],
    ["/v1/services?q=a&q=b", 400, "MB_BAD_REQUEST", "the request is not valid: query/q must be string"],
    ["/v1/services?cursor=xx", 400, "MB_BAD_REQUEST", "the request is not valid: cursor is not one that a list gave"],
    ["/v1/explain", 400, "MB_BAD_REQUEST", "the request is not valid: query must have service"],
    [
      "/v1/proxies?role=proxy",
      400,
      "MB_BAD_REQUEST",
      "the request is not valid: query/role must be gateway, eastWest, sidecar or grpc",
    ],
    ["/v1/services/default/%zz", 400, "MB_BAD_REQUEST", /%zz/],
    [`/v1/services/default/${long}`, 414, "MB_BAD_REQUEST", /max param length/],
  ];
  for (const [url, status, code, detail] of cases) {
    const reply = await ask(url);
    assert.equal(reply.status, status, url);
    assert.equal(reply.type, "application/problem+json", url);
    if (typeof detail === "string") assert.equal(reply.body.detail, detail);
    else assert.match(reply.body.detail, detail);
    assert.equal(reply.body.code, code);
    assert.equal(reply.body.title, code);
    assert.equal(reply.body.status, status);
    assert.equal(reply.body.instance, url.split("?", 1)[0]);
    assert.match(reply.body.type, new RegExp(`^urn:meshbridge:error:${code}$`));
    assert.ok(reply.body.hint.length > 0);
  }
});

test("an error nobody expected shows nothing of its inside, and is logged", async () => {
  const logged: object[] = [];
  const log: Log = { ...silentLog, error: (fields) => logged.push(fields) };
  const error = new Error("the password is hunter2");
  const broken = () => {
    throw error;
  };
  const reply = await ask("/v1/registries?limit=5", { registries: broken }, { log });
  assert.equal(reply.status, 500);
  assert.equal(reply.body.code, "MB_INTERNAL");
  assert.doesNotMatch(reply.text, /hunter2/);
  assert.deepEqual(logged, [{ err: error, path: "/v1/registries" }]);
});

test("only JSON of the right shape changes anything", async () => {
  const cases: readonly (readonly [type: string, payload: string, status: number])[] = [
    ["application/json", '{"level":"debug"}', 200],
    ["text/plain", '{"level":"debug"}', 415],
    ["application/x-www-form-urlencoded", "level=debug", 415],
    ["multipart/form-data; boundary=x", "--x--", 415],
    [" application/json", '{"level":"debug","more":1}', 400],
    ["application/json\t; charset=utf-8", '{"level":"loud"}', 400],
    ["application/json", '{"level":"debug","__proto__":{}}', 400],
    ["application/json", "{", 400],
    ["application/json", `{"level":"${"x".repeat(300_000)}"}`, 413],
  ];
  for (const [type, payload, status] of cases) {
    let level = "info";
    const setLogLevel = (next: string) => {
      level = next;
    };
    const request = { method: "PUT", url: "/v1/log-level", headers: { "content-type": type }, payload } as const;
    const reply = await ask(request, { setLogLevel, logLevel: () => level });
    assert.equal(reply.status, status, `${type} ${payload.slice(0, 40)}`);
    assert.equal(level, status === 200 ? "debug" : "info");
    if (status !== 200) assert.equal(reply.body.status, status);
  }
});

test("a host name that is not ours is refused, so that no web page can reach us by rebinding a name", async () => {
  const cases: readonly (readonly [host: string, status: number])[] = [
    ["localhost:8080", 200],
    ["LOCALHOST", 200],
    ["127.0.0.1:8080", 200],
    ["[::1]:8080", 200],
    ["10.1.2.3", 200],
    ["bridge.internal:8080", 200],
    ["evil.example.com", 403],
    ["localhost.evil.example.com", 403],
    ["127.0.0.1.nip.io", 403],
  ];
  for (const [host, status] of cases) {
    const reply = await ask({ url: "/v1/version", headers: { host } }, {}, { hosts: ["bridge.internal"] });
    assert.equal(reply.status, status, host);
    if (status === 403) assert.equal(reply.body.code, "MB_FORBIDDEN_HOST");
  }
  const open = await ask({ url: "/v1/version", headers: { host: "evil.example.com" } }, {}, { hosts: "any" });
  assert.equal(open.status, 200);
});

test("the OpenAPI document names every route, with what it takes and answers", async () => {
  const { body } = await ask("/openapi.json");
  assert.equal(body.openapi, "3.1.0");
  const expected = ["/healthz", "/livez", "/metrics", "/readyz", "/v1/config", "/v1/conditions", "/v1/events", "/v1/explain"];
  expected.push("/v1/log-level", "/v1/overview", "/v1/proxies", "/v1/proxies/{id}", "/v1/proxies/{id}/dump");
  expected.push(
    "/v1/dns",
    "/v1/dns/answer",
    "/v1/drains",
    "/v1/links",
    "/v1/loads",
    "/v1/protection",
    "/v1/protection/{registry}/release",
    "/v1/registries",
    "/v1/registries/{name}",
    "/v1/services",
    "/v1/services/{namespace}/{name}",
    "/v1/services/{namespace}/{name}/acks",
    "/v1/services/{namespace}/{name}/drain",
    "/v1/version",
    "/v1/whatif",
  );
  assert.deepEqual(Object.keys(body.paths).sort(), expected.sort());
  for (const [path, item] of Object.entries<Record<string, { summary: string; responses: object }>>(body.paths)) {
    for (const { summary, responses } of Object.values(item)) {
      assert.ok(summary.length > 0, path);
      if (path.startsWith("/v1/") && path !== "/v1/events") assert.ok(Object.hasOwn(responses, "4XX"), path);
    }
  }
});

test("the documentation page and the index lead on", async () => {
  const docs = await ask("/docs");
  assert.equal(docs.status, 200);
  assert.match(docs.text, /Swagger UI/);
  assert.equal(docs.headers["x-frame-options"], "DENY");
  const { body } = await ask("/");
  for (const link of body.links.filter((one: string) => one !== "/v1/events")) assert.equal((await ask(link)).status, 200, link);
});

test("a wrong name, however long, is answered at once beside 10,000 services", async () => {
  const services = new Map(
    Array.from({ length: 10_000 }, (_, index) => service("default", `service-${index}`, [])).map((one) => [one.id, one]),
  );
  const app = await createAdminApp(testState({ catalog: () => ({ version: 1, sync: "complete", services }) }), {
    log: silentLog,
  });
  const startedAt = process.cpuUsage();
  for (const length of [20, 100, 2000, 8000]) {
    const reply = await app.inject({ url: `/v1/explain?service=${"y".repeat(length)}` });
    assert.equal(reply.statusCode, 404);
  }
  await app.close();
  const { user } = process.cpuUsage(startedAt);
  assert.ok(user < 1_000_000, `took ${user} µs of CPU`);
});
