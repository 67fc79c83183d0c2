import assert from "node:assert/strict";
import { test } from "node:test";
import { TYPE_URL } from "../../xds/types.ts";
import { ask } from "../testing/ask.ts";
import { proxy, testState, typeStatus } from "../testing/state.ts";

test("/livez is alive; /readyz and /healthz are terse when all is well and tell all when asked", async () => {
  assert.equal((await ask("/livez")).text, "ok\n");
  for (const path of ["/readyz", "/healthz"]) {
    assert.equal((await ask(path)).text, "ok\n");
    const verbose = await ask(`${path}?verbose`);
    assert.equal(verbose.status, 200);
    assert.equal(verbose.text, "[+] registry local: live\n[+] catalog: served (complete)\nok\n");
  }
});

test("/readyz names who is not ready with 503, and /livez stays alive meanwhile", async () => {
  const checks = () => [
    { name: "registry local", ok: true, message: "live" },
    { name: "registry zk", ok: false, message: "has not been read yet" },
  ];
  const terse = await ask("/readyz", { checks });
  assert.equal(terse.status, 503);
  assert.equal(terse.text, "[-] registry zk: has not been read yet\nnot ready\n");
  const verbose = await ask("/readyz?verbose", { checks });
  assert.equal(verbose.text, "[+] registry local: live\n[-] registry zk: has not been read yet\nnot ready\n");
  assert.equal((await ask("/livez", { checks })).status, 200);
});

test("/metrics is what telemetry says, in its type", async () => {
  const { status, text, headers } = await ask("/metrics");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(text, "meshbridge_build_info 1\n");
});

test("/v1/version and /v1/overview", async () => {
  const version = await ask("/v1/version");
  assert.deepEqual(version.body, { version: "1.2.3", node: "24.0.0", started: "2026-11-24T11:00:00.000Z" });
  const refusing = proxy("edge-9", { types: [typeStatus(TYPE_URL.route, { status: "NACKED" })] });
  const overview = await ask("/v1/overview", { proxies: () => [...testState().proxies(), refusing] });
  assert.deepEqual(overview.body, {
    sync: "complete",
    catalogVersion: 42,
    services: 2,
    instances: 3,
    held: 1,
    rejected: 2,
    registries: { live: 1, stale: 1, suspect: 1 },
    proxies: { gateway: 3 },
    nacked: ["edge-9"],
  });
});

test("/v1/config shows what runs and how the last reload ended", async () => {
  const { body } = await ask("/v1/config");
  assert.deepEqual(body, {
    file: "/etc/meshbridge.yaml",
    reload: {
      ok: false,
      at: "2026-11-24T11:59:50.000Z",
      restartNeeded: ["xds.listen"],
      error: { code: "MB_CONFIG_INVALID", message: "line 3", next: "correct the lines" },
    },
    effective: { registries: [{ name: "consul-eu", token: "[secret]" }] },
  });
});

test("/v1/conditions lists the views that could not be made as asked for", async () => {
  const { body } = await ask("/v1/conditions");
  assert.equal(body.total, 1);
  assert.equal(body.items[0].view, "edge-view");
  assert.equal(body.items[0].conditions[0].type, "UnknownService");
  assert.equal((await ask("/v1/conditions?limit=x")).status, 400);
});

test("/v1/log-level is read and changed", async () => {
  assert.deepEqual((await ask("/v1/log-level")).body, { level: "info" });
  const put = await ask({ method: "PUT", url: "/v1/log-level", payload: { level: "warn" } });
  assert.equal(put.status, 200);
  assert.deepEqual(put.body, { level: "warn" });
  const wrong = await ask({ method: "PUT", url: "/v1/log-level", payload: { level: "loud" } });
  assert.match(wrong.body.detail, /body\/level must be trace, debug, info, warn or error$/);
});
