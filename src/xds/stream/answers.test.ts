/** ACK, NACK, versions and nonces: items A of the protocol's checklist. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CDS, EDS, LDS, rig } from "./testing.ts";

test("A1 a NACK is known by its error detail alone, not by its version", () => {
  const { set, sotw, flush, last, stream } = rig("sotw");
  set(CDS, "a");
  sotw(CDS, []);
  flush();
  const { nonce, version } = last(CDS);
  assert.deepEqual(sotw(CDS, [], { nonce, version, error: "bad" }), { kind: "nack", typeUrl: CDS, message: "bad" });
  assert.deepEqual(flush(), []);
  assert.equal(stream.progress()[0]?.nacks, 1);
  assert.equal(stream.progress()[0]?.lastNack, "bad");
});

for (const variant of ["sotw", "delta"] as const) {
  test(`A2 ${variant}: what was refused is not sent again until it changes`, () => {
    const r = rig(variant);
    r.set(EDS, "a", 1);
    if (variant === "sotw") r.sotw(EDS, ["a"]);
    else r.delta(EDS, { subscribe: ["a"] });
    assert.deepEqual(r.flush(), ["EDS[a]"]);
    r.nack(EDS);
    for (let i = 0; i < 10; i++) assert.deepEqual(r.flush(), []);
    r.set(EDS, "a", 2);
    assert.deepEqual(r.flush(), ["EDS[a]"]);
    r.ack(EDS);
    assert.equal(r.stream.progress()[0]?.lastNack, undefined);
  });

  test(`A2 ${variant}: a NACK does not swallow a subscription that comes with it`, () => {
    const r = rig(variant);
    r.set(EDS, "a");
    r.set(EDS, "b");
    if (variant === "sotw") r.sotw(EDS, ["a"]);
    else r.delta(EDS, { subscribe: ["a"] });
    r.flush();
    const { nonce } = r.last(EDS);
    if (variant === "sotw") r.sotw(EDS, ["a", "b"], { nonce, error: "bad" });
    else r.delta(EDS, { nonce, error: "bad", subscribe: ["b"] });
    assert.deepEqual(r.flush(), ["EDS[b]"]);
    r.ack(EDS);
    assert.deepEqual(r.flush(), []);
  });

  test(`A3 ${variant}: a nonce of another stream answers nothing; the first request of a type is the first`, () => {
    const r = rig(variant, { epoch: "new" });
    r.set(CDS, "a");
    const old = { nonce: "old.7" };
    const answer = variant === "sotw" ? r.sotw(CDS, [], { ...old, version: "17" }) : r.delta(CDS, old);
    assert.equal(answer.kind, "none");
    assert.deepEqual(r.flush(), ["CDS[a]"]);
    assert.match(r.last(CDS).nonce, /^new\./);
  });
}

test("A4 SotW: a request with a stale nonce is no ACK, but its names count", () => {
  const { set, sotw, flush, ack, stream } = rig("sotw");
  set(EDS, "a", 1);
  set(EDS, "b", 1);
  sotw(EDS, ["a"]);
  assert.deepEqual(flush(), ["EDS[a]"]);
  assert.equal(sotw(EDS, ["a", "b"], { nonce: "" }).kind, "none");
  assert.equal(stream.progress()[0]?.unanswered, true);
  assert.deepEqual(flush(), []);
  assert.equal(ack(EDS).kind, "ack");
  assert.deepEqual(flush(), ["EDS[b]"]);
});

test("A5 delta: a stale nonce is no ACK, but its subscriptions count", () => {
  const { set, delta, flush, ack, stream } = rig("delta");
  set(EDS, "a");
  set(EDS, "x");
  delta(EDS, { subscribe: ["a"] });
  flush();
  assert.equal(delta(EDS, { nonce: "e.999", subscribe: ["x"] }).kind, "none");
  assert.equal(stream.progress()[0]?.unanswered, true);
  ack(EDS);
  assert.deepEqual(flush(), ["EDS[x]"]);
});

test("A6 the version is that of the content: equal on two replicas, whatever their history", () => {
  const versions = [[], ["x"]].map((before) => {
    const { set, remove, sotw, flush, last } = rig("sotw");
    for (const name of before) set(CDS, name);
    for (const name of before) remove(CDS, name);
    set(CDS, "a");
    set(CDS, "b");
    sotw(CDS, []);
    flush();
    return last(CDS).version;
  });
  assert.equal(versions[0], versions[1]);
});

test("A7 nothing is sent while nothing changes, and an equal resource is no change", () => {
  const { set, sotw, flush, ack } = rig("sotw");
  set(CDS, "a", 1);
  sotw(CDS, []);
  flush();
  ack(CDS);
  set(CDS, "a", 1);
  assert.deepEqual(flush(), []);
});

test("A10 after a NACK other types go on", () => {
  const { set, sotw, flush, nack } = rig("sotw");
  set(CDS, "a");
  set(LDS, "l");
  sotw(CDS, []);
  sotw(LDS, []);
  flush();
  nack(CDS);
  set(LDS, "l", 2);
  assert.deepEqual(flush(), []);
  nack(LDS);
  set(LDS, "l", 3);
  assert.deepEqual(flush(), ["LDS[l]"]);
});
