/** What a client asks for and is told: items B of the protocol's checklist. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CDS, EDS, LDS, RDS, rig } from "./testing.ts";

test("B1 SotW: an empty list is everything until a name was given, and nothing afterwards", () => {
  const { set, sotw, flush, ack } = rig("sotw");
  set(LDS, "a");
  set(LDS, "b");
  sotw(LDS, []);
  assert.deepEqual(flush(), ["LDS[a b]"]);
  ack(LDS);
  sotw(LDS, ["a"]);
  flush();
  ack(LDS);
  sotw(LDS, []);
  set(LDS, "a", 2);
  set(LDS, "c");
  assert.deepEqual(flush(), []);
});

test("B1 an empty list of endpoints or routes is nothing", () => {
  const { set, sotw, flush } = rig("sotw");
  set(EDS, "a");
  set(RDS, "a");
  sotw(EDS, []);
  sotw(RDS, []);
  assert.deepEqual(flush(), []);
});

test("B1 delta: a first request without names is everything, for listeners and clusters alone", () => {
  const { set, delta, flush } = rig("delta");
  set(CDS, "a");
  set(EDS, "a");
  delta(CDS);
  delta(EDS);
  assert.deepEqual(flush(), ["CDS[a]"]);
});

test("B2 SotW: the wildcard beside names, then the names alone, then nothing", () => {
  const { set, sotw, flush, ack } = rig("sotw");
  set(CDS, "a");
  set(CDS, "b");
  sotw(CDS, ["*"]);
  assert.deepEqual(flush(), ["CDS[a b]"]);
  ack(CDS);
  sotw(CDS, ["*", "a"]);
  assert.deepEqual(flush(), ["CDS[a b]"]);
  ack(CDS);
  sotw(CDS, ["a"]);
  set(CDS, "b", 2);
  assert.deepEqual(flush(), []);
  set(CDS, "a", 2);
  assert.deepEqual(flush(), ["CDS[a]"]);
});

test("B2 delta: the wildcard on and off in one message is off", () => {
  const { set, delta, flush } = rig("delta");
  set(CDS, "a");
  delta(CDS, { subscribe: ["*"], unsubscribe: ["*"] });
  set(CDS, "b");
  assert.deepEqual(flush(), []);
});

test("B3 delta: a name dropped under the wildcard is answered, with the resource or with its removal", () => {
  const { set, delta, flush, ack } = rig("delta");
  set(CDS, "a");
  delta(CDS, { subscribe: ["*", "a", "gone"] });
  flush();
  ack(CDS);
  delta(CDS, { unsubscribe: ["a"] });
  assert.deepEqual(flush(), ["CDS[a]"]);
  ack(CDS);
  delta(CDS, { unsubscribe: ["gone"] });
  assert.deepEqual(flush(), ["CDS[-gone]"]);
});

test("B4 delta: a second subscription is answered, even when the client is believed current", () => {
  const { set, delta, flush, ack } = rig("delta");
  set(EDS, "a");
  delta(EDS, { subscribe: ["a"] });
  flush();
  ack(EDS);
  delta(EDS, { subscribe: ["a"] });
  assert.deepEqual(flush(), ["EDS[a]"]);
});

test("B4 SotW: a name that was dropped and comes back is answered", () => {
  for (const type of [EDS, CDS]) {
    const { set, sotw, flush, ack } = rig("sotw");
    set(type, "a");
    sotw(type, ["a"]);
    assert.equal(flush().length, 1);
    ack(type);
    sotw(type, []);
    assert.deepEqual(flush(), []);
    sotw(type, ["a"]);
    assert.equal(flush().length, 1);
  }
});

test("B5 SotW: clusters come whole, endpoints only as far as they changed, and a missing one holds nobody up", () => {
  const { set, sotw, flush, ack } = rig("sotw");
  set(CDS, "a");
  set(CDS, "b");
  sotw(CDS, []);
  flush();
  ack(CDS);
  set(CDS, "b", 2);
  assert.deepEqual(flush(), ["CDS[a b]"]);
  set(EDS, "a");
  sotw(EDS, ["a", "b"]);
  assert.deepEqual(flush(), ["EDS[a]"]);
  ack(EDS);
  set(EDS, "b");
  assert.deepEqual(flush(), ["EDS[b]"]);
});

test("B5 a resource that nobody asked for is never sent", () => {
  const { set, sotw, flush } = rig("sotw");
  set(EDS, "a");
  set(EDS, "other");
  sotw(EDS, ["a"]);
  assert.deepEqual(flush(), ["EDS[a]"]);
});

test("B6 an unknown name: delta says that it is gone, SotW is silent; both serve it when it comes", () => {
  const d = rig("delta");
  d.delta(EDS, { subscribe: ["x"] });
  assert.deepEqual(d.flush(), ["EDS[-x]"]);
  d.ack(EDS);
  d.set(EDS, "x");
  assert.deepEqual(d.flush(), ["EDS[x]"]);
  const s = rig("sotw");
  s.sotw(EDS, ["x"]);
  assert.deepEqual(s.flush(), []);
  s.set(EDS, "x");
  assert.deepEqual(s.flush(), ["EDS[x]"]);
});

test("B7 dropping names needs no answer, and what was dropped is not sent by a change that came before", () => {
  const { set, delta, flush, ack } = rig("delta");
  set(EDS, "a");
  set(EDS, "b");
  delta(EDS, { subscribe: ["a", "b"] });
  flush();
  ack(EDS);
  set(EDS, "a", 2);
  delta(EDS, { unsubscribe: ["a", "phantom"] });
  assert.deepEqual(flush(), []);
});

test("B8 the first wildcard request is answered even when there is nothing", () => {
  const s = rig("sotw");
  s.sotw(CDS, []);
  assert.deepEqual(s.flush(), ["CDS[]"]);
  s.ack(CDS);
  assert.deepEqual(s.flush(), []);
  const d = rig("delta");
  d.delta(CDS);
  assert.deepEqual(d.flush(), ["CDS[]"]);
  d.ack(CDS);
  assert.deepEqual(d.flush(), []);
});
