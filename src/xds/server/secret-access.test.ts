import assert from "node:assert/strict";
import { test } from "node:test";
import { mayHaveSecrets } from "./secret-access.ts";

for (const [peer, certified, expected] of [
  ["127.0.0.1:4000", false, true],
  ["127.8.9.10:4000", false, true],
  ["[::1]:4000", false, true],
  ["::1:4000", false, true],
  ["::ffff:127.0.0.1:4000", false, true],
  ["10.0.0.1:4000", false, false],
  ["[2001:db8::1]:4000", false, false],
  ["::ffff:10.0.0.1:4000", false, false],
  ["127.0.0.1.example.com:1", false, false],
  ["unknown", false, false],
  ["", false, false],
  ["10.0.0.1:4000", true, true],
] as const)
  test(`secrets go to ${peer || "nobody in particular"} ${certified ? "with" : "without"} a client certificate: ${expected}`, () => {
    assert.equal(mayHaveSecrets({ peer, certified }), expected);
  });
