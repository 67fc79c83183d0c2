import assert from "node:assert/strict";
import { test } from "node:test";
import { retryAfterMs } from "./retry-after.ts";

const date = "Tue, 24 Nov 2026 11:00:00 GMT";
for (const [status, headers, expected] of [
  [429, { "retry-after": "5" }, 5000],
  [503, { "retry-after": "0" }, 0],
  [429, { "retry-after": "99999" }, 600_000],
  [429, { "retry-after": "Tue, 24 Nov 2026 11:00:20 GMT", date }, 20_000],
  [429, { "retry-after": "Tue, 24 Nov 2026 10:00:00 GMT", date }, undefined],
  [429, { "retry-after": "Tue, 24 Nov 2026 11:00:20 GMT" }, undefined],
  [429, { "retry-after": "soon", date }, undefined],
  [429, {}, undefined],
  [500, { "retry-after": "5" }, undefined],
] as const)
  test(`Retry-After of ${status} ${JSON.stringify(headers)}`, () => assert.equal(retryAfterMs(status, headers), expected));
