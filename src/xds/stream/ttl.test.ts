/** Time to live (xDS protocol, "TTL"): what a client has is named again and again, so that it keeps it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TYPE_URL } from "../types.ts";
import type { Variant } from "./messages.ts";
import { CDS, EDS, RDS, type Rig, ref, rig } from "./testing.ts";

const TTL = { typeUrl: TYPE_URL.cluster, ms: 3000 };
const both: readonly Variant[] = ["delta", "sotw"];

function begun(variant: Variant): Rig {
  const one = rig(variant, { ttl: TTL });
  one.set(CDS, "a");
  one.set(CDS, "b");
  if (variant === "delta") one.delta(CDS);
  else one.sotw(CDS, []);
  one.flush();
  return one;
}

for (const variant of both) {
  test(`E1 ${variant}: what is sent of the type has a TTL, of other types none`, () => {
    const one = begun(variant);
    assert.equal(one.last(CDS).ttlMs, TTL.ms);
    one.set(EDS, "a");
    if (variant === "delta") one.delta(EDS, { subscribe: ["a"] });
    else one.sotw(EDS, ["a"]);
    one.flush();
    assert.equal(one.last(EDS).ttlMs, undefined);
  });

  test(`E1 ${variant}: a heartbeat has what the client has, and is one at a time`, () => {
    const one = begun(variant);
    assert.deepEqual(one.stream.heartbeat(), [], "the response before it is not answered");
    one.ack(CDS);
    const [beat] = one.stream.heartbeat();
    assert.deepEqual([beat?.resources, beat?.removed, beat?.ttlMs], [[], [], TTL.ms]);
    const versions = one.tables
      .table(CDS)
      .all()
      .map(({ name, version }) => ({ name, version }));
    assert.deepEqual(
      beat?.kept?.map(({ name, version }) => ({ name, version })),
      versions,
    );
    assert.deepEqual(one.stream.heartbeat(), [], "the one before is not answered");
    one.set(CDS, "c");
    assert.deepEqual(one.flush(), [], "nor is a change sent beside it");
    const answer = { nonce: beat?.nonce ?? "" };
    if (variant === "delta") one.delta(CDS, answer);
    else one.sotw(CDS, [], answer);
    assert.match(one.flush().join(), /c/);
  });

  test(`E1 ${variant}: the answer to a heartbeat does not hide that an update was refused`, () => {
    const one = begun(variant);
    one.ack(CDS);
    one.set(CDS, "a", 2);
    one.flush();
    one.nack(CDS, "no");
    const [beat] = one.stream.heartbeat();
    const answer = { nonce: beat?.nonce ?? "" };
    if (variant === "delta") one.delta(CDS, answer);
    else one.sotw(CDS, [], answer);
    assert.equal(one.stream.progress()[0]?.lastNack, "no");
    assert.deepEqual(one.flush(), []);
  });
}

test("E1 sotw: a heartbeat has all or nothing, for what is left out would be deleted", () => {
  const one = begun("sotw");
  one.ack(CDS);
  const kept = () => one.stream.heartbeat()[0]?.kept?.map(({ name }) => name);
  one.set(CDS, "b", 2);
  assert.equal(kept(), undefined, "the change is on its way, with a TTL of its own");
  one.flush();
  one.ack(CDS);
  assert.deepEqual(kept(), ["a", "b"]);
});

test("E1 sotw: a cluster that a route still leads to is in the heartbeats until the route is gone", () => {
  const one = rig("sotw", { ttl: TTL });
  one.set(CDS, "a");
  one.set(CDS, "b");
  one.set(RDS, "r", 1, [ref(CDS, "b")]);
  one.sotw(CDS, []);
  one.flush();
  one.ack(CDS);
  one.sotw(RDS, ["r"]);
  one.flush();
  one.ack(RDS);
  one.set(RDS, "r", 2, [ref(CDS, "a")]);
  one.remove(CDS, "b");
  one.flush();
  one.ack(CDS);
  assert.deepEqual(
    one.stream.heartbeat()[0]?.kept?.map(({ name }) => name),
    ["a", "b"],
  );
});

test("E1 what is due and not sent yet is in no heartbeat, and a client without the TTL gets none", () => {
  const one = begun("delta");
  one.ack(CDS);
  one.set(CDS, "b", 2);
  assert.deepEqual(
    one.stream.heartbeat()[0]?.kept?.map(({ name }) => name),
    ["a"],
  );
  const without = rig("delta");
  without.set(CDS, "a");
  without.delta(CDS);
  without.flush();
  without.ack(CDS);
  assert.deepEqual(without.stream.heartbeat(), []);
});
