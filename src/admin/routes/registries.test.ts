import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../testing/ask.ts";

test("/v1/registries: state, last sync, counts, last error and next retry, by name", async () => {
  const { status, body } = await ask("/v1/registries");
  assert.equal(status, 200);
  assert.deepEqual(
    body.items.map(({ name, state }: { name: string; state: string }) => [name, state]),
    [
      ["consul-eu", "suspect"],
      ["local", "live"],
      ["zk", "stale"],
    ],
  );
  assert.deepEqual(body.items[0], {
    name: "consul-eu",
    kind: "consul",
    state: "suspect",
    suspectReason: "acl-filtered",
    lastSync: "2026-11-24T11:59:55.000Z",
    ageSeconds: 5,
    staleness: "fresh",
    services: 1,
    instances: 2,
    held: 1,
    rejected: 1,
    events: 7,
    lastError: null,
    nextRetry: null,
    parts: [
      { name: "dc1", state: "live", suspectReason: null, ageSeconds: 5, staleness: "fresh", lastError: null },
      { name: "dc2", state: "suspect", suspectReason: "acl-filtered", ageSeconds: 5, staleness: "fresh", lastError: null },
    ],
  });
  const { lastSync, lastError, nextRetry } = body.items[2];
  assert.equal(lastSync, null);
  assert.equal(lastError.code, "MB_REGISTRY_UNREACHABLE");
  assert.equal(lastError.at, "2026-11-24T11:59:59.000Z");
  assert.equal(nextRetry, "2026-11-24T12:00:04.000Z");
});

test("/v1/registries/{name}: with the records that were left out; 404 for a name that is none", async () => {
  const { body } = await ask("/v1/registries/consul-eu");
  assert.deepEqual(
    body.rejectedRecords.map(({ service, record }: { service: string; record: string }) => [service, record]),
    [
      ["default/web", "web-9"],
      ["default/ghost", "ghost-1"],
    ],
  );
  assert.deepEqual((await ask("/v1/registries/local")).body.rejectedRecords, []);
  const missing = await ask("/v1/registries/consul");
  assert.equal(missing.status, 404);
  assert.equal(missing.body.detail, "there is no registry called consul");
});
