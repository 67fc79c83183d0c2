/** Errors of resources (xRFC TP3, gRFC A88) in state of the world. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CDS, EDS, rig } from "./testing.ts";

test("E4 SotW: a client that understands it is told once that a name it asked for is not there, and served when it comes", () => {
  const one = rig("sotw", { resourceErrors: true });
  one.set(EDS, "a");
  one.sotw(EDS, ["a", "b"]);
  assert.deepEqual(one.flush(), ["EDS[a !b]"]);
  one.ack(EDS);
  assert.deepEqual(one.flush(), []);
  one.sotw(EDS, ["a", "b", "c"], { nonce: one.last(EDS).nonce });
  assert.deepEqual(one.flush(), ["EDS[!c]"], "the new name alone");
  one.ack(EDS);
  one.set(EDS, "b");
  assert.deepEqual(one.flush(), ["EDS[b]"]);
});

test("E4 SotW: clusters asked for by name come whole, with errors for those that are not there", () => {
  const one = rig("sotw", { resourceErrors: true });
  one.set(CDS, "a");
  one.sotw(CDS, ["a", "b"]);
  assert.deepEqual(one.flush(), ["CDS[a !b]"]);
});

test("E4 SotW: as long as something has not been read, nothing is said to be missing", () => {
  const one = rig("sotw", { resourceErrors: true, complete: false });
  one.sotw(EDS, ["b"]);
  assert.deepEqual(one.flush(), []);
  one.tables.complete = true;
  assert.deepEqual(one.flush(), ["EDS[!b]"]);
});

test("E4 SotW: other clients hear nothing of a missing name", () => {
  const one = rig("sotw");
  one.sotw(EDS, ["b"]);
  assert.deepEqual(one.flush(), []);
});
