import assert from "node:assert/strict";
import { test } from "node:test";
import { createAddressRules } from "./address-rules.ts";

const rules = (allow: string[] = [], deny: string[] = [], trusted = false) => createAddressRules({ allow, deny, trusted });

for (const [address, allow, deny, trusted, expected] of [
  ["10.0.0.1", [], [], false, "10.0.0.1"],
  ["127.0.0.1", [], [], false, "denied by 127.0.0.0/8"],
  ["127.0.0.1", ["127.0.0.0/8"], [], false, "127.0.0.1"],
  ["127.0.0.2", ["127.0.0.1/32"], [], false, "denied by 127.0.0.0/8"],
  ["127.0.0.1", ["0.0.0.0/0"], [], false, "denied by 127.0.0.0/8"],
  ["127.0.0.1", [], [], true, "127.0.0.1"],
  ["127.0.0.1", [], ["127.0.0.0/8"], true, "denied by 127.0.0.0/8"],
  ["10.1.2.3", ["10.1.0.0/16"], ["10.0.0.0/8"], false, "10.1.2.3"],
  ["10.2.2.3", ["10.1.0.0/16"], ["10.0.0.0/8"], false, "denied by 10.0.0.0/8"],
  ["10.2.2.3", ["10.2.0.0/16"], ["10.2.0.0/16"], false, "denied by 10.2.0.0/16"],
  ["169.254.169.254", [], [], false, "denied by 169.254.0.0/16"],
  ["224.0.0.1", [], [], false, "denied by 224.0.0.0/4"],
  ["0.0.0.0", [], [], false, "denied by 0.0.0.0/8"],
  ["::1", [], [], false, "denied by ::1/128"],
  ["::", [], [], false, "denied by ::/128"],
  ["fe80::1%eth0", [], [], false, "denied by fe80::/10"],
  ["ff02::1", [], [], false, "denied by ff00::/8"],
  ["::ffff:127.0.0.1", [], [], false, "denied by 127.0.0.0/8"],
  ["::ffff:10.0.0.1", [], [], false, "10.0.0.1"],
  ["2001:DB8:0:0::7", [], [], false, "2001:db8::7"],
  ["0127.0.0.1", [], [], false, "not an IP address"],
  ["2130706433", [], [], false, "not an IP address"],
  ["web.example.com", [], [], false, "not an IP address"],
  ["[::1]", [], [], false, "not an IP address"],
  ["", [], [], false, "not an IP address"],
  ["10.0.0.1\n10.0.0.2", [], [], false, "not an IP address"],
] as const) {
  test(`address ${JSON.stringify(address)} allow [${allow}] deny [${deny}] trusted ${trusted}: ${expected}`, () => {
    const result = rules([...allow], [...deny], trusted).check(address);
    if ("address" in result) assert.equal(result.address, expected);
    else assert.match(result.reason, new RegExp(expected.replaceAll(".", "\\.")));
  });
}

test("hostile text in a reason is cut and has no control characters", () => {
  const result = rules().check(`\u202e\u0000${"x".repeat(1000)}`);
  assert.ok("reason" in result);
  assert.ok(result.reason.length < 200);
  assert.doesNotMatch(result.reason, /[\p{Cc}\p{Cf}]/u);
});
