import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../kernel/log.ts";
import { createAdminApp } from "../app.ts";
import { ask } from "../testing/ask.ts";
import { testState } from "../testing/state.ts";

test("/v1/protection lists what is held, why, and until when; filters are exact", async () => {
  const { body } = await ask("/v1/protection");
  const { items, total } = body as { items: { instance: string }[]; total: number };
  assert.equal(total, 2);
  assert.deepEqual(items[0], {
    source: { registry: "consul-eu", scope: "dc1/web" },
    service: "default/web",
    instance: "web-2",
    address: "10.0.0.2",
    reason: "acl-filtered",
    message: "the registry said that it left out what our credentials may not see",
    since: "2026-11-24T11:58:30.000Z",
    endsInSeconds: null,
  });
  const local = await ask("/v1/protection?registry=local");
  assert.deepEqual(
    (local.body as { items: { instance: string }[] }).items.map(({ instance }) => instance),
    ["api-1"],
  );
  assert.equal(((await ask("/v1/protection?service=default/none")).body as { total: number }).total, 0);
});

test("POST release takes JSON alone, says how many were released, and knows no other registry", async () => {
  const app = await createAdminApp(testState(), { log: silentLog });
  const post = (registry: string, payload?: object) =>
    app.inject({ method: "POST", url: `/v1/protection/${registry}/release`, ...(payload && { payload }) });
  assert.deepEqual((await post("consul-eu", { service: "default/web" })).json(), { released: 1 });
  assert.equal((await post("consul-eu")).statusCode, 400, "a bare POST is what another site's page can send");
  assert.equal((await post("consul-eu", { all: true })).statusCode, 400);
  const unknown = await post("nowhere", {});
  assert.equal(unknown.statusCode, 404);
  assert.equal(unknown.json().code, "MB_NOT_FOUND");
  await app.close();
});
