import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { afterFailure, afterReply, NO_INDEX } from "./index-rules.ts";

for (const [name, before, header, expected] of [
  ["the first reply", NO_INDEX, "7", { state: { last: 7, blockOn: 7 }, wentBack: false }],
  ["a higher one", { last: 7, blockOn: 7 }, "9", { state: { last: 9, blockOn: 9 }, wentBack: false }],
  ["the same again", { last: 7, blockOn: 7 }, "7", { state: { last: 7, blockOn: 7 }, wentBack: false }],
  ["a lower one", { last: 7, blockOn: 7 }, "6", { state: { last: 6, blockOn: 0 }, wentBack: true }],
  ["a lower one after failures", { last: 7, blockOn: 0 }, "6", { state: { last: 6, blockOn: 0 }, wentBack: true }],
  ["none", NO_INDEX, undefined, { problem: "it has no X-Consul-Index" }],
  ["0", NO_INDEX, "0", { problem: "its X-Consul-Index is no number above 0" }],
  ["a negative one", NO_INDEX, "-3", { problem: "its X-Consul-Index is no number above 0" }],
  ["no number", NO_INDEX, "1e3", { problem: "its X-Consul-Index is no number above 0" }],
  ["too large a number", NO_INDEX, "9007199254740993", { problem: "its X-Consul-Index is no number above 0" }],
] as const)
  test(`index: ${name}`, () => assert.deepEqual(afterReply(before, header), expected));

test("after a failure the last index is known and not sent", () => {
  assert.deepEqual(afterFailure({ last: 7, blockOn: 7 }), { last: 7, blockOn: 0 });
});

test("whatever comes, an index that is sent is the last one read, and above 0", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer({ min: -2, max: 20 }).map(String), fc.string())), (headers) => {
      let state = NO_INDEX;
      for (const header of headers) {
        const step = afterReply(state, header);
        state = "state" in step ? step.state : afterFailure(state);
        assert.ok(state.blockOn === 0 || (state.blockOn === state.last && state.blockOn > 0));
      }
    }),
  );
});
