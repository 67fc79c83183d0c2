/** A gateway between networks in front of many services: the benchmark `gateway` in small, with its goals. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { measureGateway, percentile } from "../../bench/gateway.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("envoy");
const LONG = process.env["MESHBRIDGE_LONG"] === "1";

test("memory does not grow with what is exported; a first connection is quick; unknown names get nothing", {
  skip,
}, async (t) => {
  const few = await measureGateway({ services: 100, names: 20, refusals: 20 });
  const many = await measureGateway({ services: LONG ? 100_000 : 10_000, names: 50, refusals: 200 });
  const grown = many.before - few.before;
  const coldMs = percentile(many.cold, 0.5);
  t.diagnostic(`${many.services} services: ${(grown / 1e6).toFixed(2)} MB more than with 100; cold p50 ${coldMs.toFixed(1)} ms`);
  for (const { what, messages, medianMs } of many.refused)
    t.diagnostic(`${what}: ${messages} messages, ${medianMs.toFixed(1)} ms`);
  assert.ok(grown < 5e6, `${grown} bytes`);
  assert.ok(coldMs < 50, `${coldMs} ms`);
  for (const { what, served } of many.refused) assert.equal(served, 0, what);
  assert.equal(many.refused[0]?.messages, 0, "what is not exported is refused without the bridge");
});
