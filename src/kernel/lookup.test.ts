import assert from "node:assert/strict";
import { test } from "node:test";
import { systemLookup } from "./lookup.ts";

test("the hosts file counts where the name servers know nothing, or are not needed", async () => {
  const addresses = await systemLookup("localhost", AbortSignal.timeout(5000));
  assert.ok(addresses.includes("127.0.0.1") || addresses.includes("::1"), addresses.join());
});

test("a host that cannot be is told as not found or as a failure, never as an address", async () => {
  await assert.rejects(systemLookup("no-such-host.invalid", AbortSignal.timeout(5000)), (error: Error) => "code" in error);
});
