import assert from "node:assert/strict";
import { test } from "node:test";
import { Duration } from "../../gen/google/protobuf/duration.ts";
import { duration, encoded, positiveDuration, statName } from "./common.ts";

for (const [ms, seconds, nanos] of [
  [0, 0, 0],
  [1, 0, 1_000_000],
  [1500, 1, 500_000_000],
  [999_999_999 * 3_600_000, 3_153_600_000, 0],
  [Number.POSITIVE_INFINITY, 3_153_600_000, 0],
] as const)
  test(`${ms} ms are ${seconds} s and ${nanos} ns`, () => {
    assert.deepEqual(duration(ms), { seconds, nanos });
  });

test("a duration that must be above 0 is left out when it is 0", () => {
  assert.equal(positiveDuration(0), undefined);
  assert.deepEqual(positiveDuration(250), { seconds: 0, nanos: 250_000_000 });
});

test("what divides the parts of a stat's name is replaced", () => {
  assert.equal(statName("shop/com.acme.Order:x"), "shop/com_acme_Order_x");
});

test("a message that cannot be encoded leaves nothing behind for the next", () => {
  const before = Buffer.from(encoded(Duration, duration(1500)));
  assert.throws(() => encoded(Duration, { seconds: 7, nanos: 2 ** 40 }));
  assert.deepEqual(Buffer.from(encoded(Duration, duration(1500))), before);
  assert.deepEqual(before, Buffer.from(Duration.encode(duration(1500)).finish()));
});
