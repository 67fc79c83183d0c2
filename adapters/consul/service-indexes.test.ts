import assert from "node:assert/strict";
import { test } from "node:test";
import { createServiceIndexes } from "./service-indexes.ts";

test("an older answer is asked for again, and older twice means that Consul went back; other services do not care", () => {
  const indexes = createServiceIndexes();
  const judged = (name: string, ...headers: (string | undefined)[]) => headers.map((header) => indexes.judge(name, header));
  assert.deepEqual(judged("web", "10", "12", "12", undefined, "x"), ["taken", "taken", "taken", "taken", "taken"]);
  assert.deepEqual(judged("web", "3", "13"), ["older", "taken"], "a server that lagged");
  assert.deepEqual(judged("web", "3", "3", "4"), ["older", "went-back", "taken"], "a server that was restored");
  assert.deepEqual(judged("api", "1", "2"), ["taken", "taken"]);
});
