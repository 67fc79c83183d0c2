/** Items of docs/reference/xds-conformance.md that need no more than a stream and have no other test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CDS, ECDS, EDS, LDS, ref, rig, SDS } from "./testing.ts";

const initialVersions = (versions: Readonly<Record<string, string>>) => new Map(Object.entries(versions));

test("A8 a name is in a response once, for however many reasons it is due", () => {
  const one = rig("delta");
  one.set(EDS, "a", 1);
  one.delta(EDS, { subscribe: ["a", "a"] });
  assert.deepEqual(one.flush(), ["EDS[a]"]);
  one.ack(EDS);
  one.set(EDS, "a", 2);
  one.delta(EDS, { subscribe: ["a", "gone", "gone"], unsubscribe: ["b", "b"] });
  assert.deepEqual(one.flush(), ["EDS[a -gone]"]);
});

test("C5 of 9,000 clusters the one that changed is sent, and not before the one before it is answered", () => {
  const one = rig("delta");
  for (let index = 0; index < 9000; index++) one.set(CDS, `c${index}`);
  one.delta(CDS, { subscribe: ["*"] });
  one.flush();
  one.ack(CDS);
  for (let change = 1; change <= 10; change++) {
    one.set(CDS, "c7", change);
    assert.deepEqual(one.flush(), change === 1 ? ["CDS[c7]"] : []);
  }
  one.ack(CDS);
  assert.deepEqual(one.flush(), ["CDS[c7]"]);
});

for (const variant of ["delta", "sotw"] as const)
  test(`C7 ${variant}: a secret goes after the listener that named it`, () => {
    const one = rig(variant);
    one.set(SDS, "web");
    one.set(LDS, "l", 1, [ref(SDS, "web")]);
    if (variant === "delta") {
      one.delta(LDS, { subscribe: ["*"] });
      one.delta(SDS, { subscribe: ["web"] });
    } else {
      one.sotw(LDS, []);
      one.sotw(SDS, ["web"]);
    }
    one.flush();
    one.ack(LDS);
    one.ack(SDS);
    // Sent again after the listener that refers to it.
    assert.deepEqual(one.flush(), ["SDS[web]"]);
    one.ack(SDS);
    one.remove(SDS, "web");
    one.set(LDS, "l", 2, []);
    assert.deepEqual(one.flush(), ["LDS[l]"]);
    one.ack(LDS);
    // In state of the world the client has let go of it with the listener, and nothing can say that it is gone.
    assert.deepEqual(one.flush(), variant === "delta" ? ["SDS[-web]"] : []);
  });

test("C7 a filter's configuration goes after the listener that named it", () => {
  const one = rig("delta");
  one.set(ECDS, "exports");
  one.set(LDS, "l", 1, [ref(ECDS, "exports")]);
  one.delta(LDS, { subscribe: ["*"] });
  assert.deepEqual(one.flush(), ["LDS[l]"]);
  one.delta(ECDS, { subscribe: ["exports"] });
  assert.deepEqual(one.flush(), ["ECDS[exports]"]);
  one.ack(LDS);
  one.ack(ECDS);
  one.set(ECDS, "exports", 2);
  assert.deepEqual(one.flush(), ["ECDS[exports]"], "apart from its listener");
  one.ack(ECDS);
  one.remove(ECDS, "exports");
  one.remove(LDS, "l");
  assert.deepEqual(one.flush(), ["LDS[-l]"]);
  one.ack(LDS);
  assert.deepEqual(one.flush(), ["ECDS[-exports]"]);
});

test("D5 every delta response has a nonce of its own and a version for people", () => {
  const one = rig("delta");
  one.set(CDS, "a", 1);
  one.delta(CDS, { subscribe: ["*"] });
  one.flush();
  const first = one.last(CDS);
  one.ack(CDS);
  one.set(CDS, "a", 2);
  one.flush();
  const second = one.last(CDS);
  assert.notEqual(first.nonce, second.nonce);
  assert.ok(first.nonce !== "" && first.version !== "" && first.version !== second.version);
});

for (const name of [
  "xdstp://authority/envoy.config.endpoint.v3.ClusterLoadAssignment/a%2Fb?x=1&y=2",
  "xdstp:///envoy.config.endpoint.v3.ClusterLoadAssignment/a",
  "xdstp://authority/envoy.config.endpoint.v3.ClusterLoadAssignment/all/*",
])
  test(`E2 ${name}: delta says that there is none, SotW is silent, and both go on`, () => {
    for (const variant of ["delta", "sotw"] as const) {
      const one = rig(variant);
      one.set(EDS, "a");
      if (variant === "delta") one.delta(EDS, { subscribe: [name, "a"] });
      else one.sotw(EDS, [name, "a"]);
      assert.deepEqual(one.flush(), [variant === "delta" ? `EDS[a -${name}]` : "EDS[a]"]);
      one.ack(EDS);
      one.set(EDS, "a", 2);
      assert.deepEqual(one.flush(), ["EDS[a]"]);
    }
  });

test("F6 SotW, as grpc-java does it: all names dropped, then one again with the nonce and version from before", () => {
  const one = rig("sotw");
  one.set(CDS, "a");
  one.sotw(CDS, ["a"]);
  assert.deepEqual(one.flush(), ["CDS[a]"]);
  const { nonce, version } = one.last(CDS);
  one.sotw(CDS, ["a"], { nonce, version });
  one.sotw(CDS, [], { nonce, version });
  assert.deepEqual(one.flush(), []);
  one.sotw(CDS, ["a"], { nonce, version });
  assert.deepEqual(one.flush(), ["CDS[a]"]);
  assert.notEqual(one.last(CDS).nonce, nonce);
});

test("F6 SotW: dropped while the cluster changes, and asked for again: the newest, once", () => {
  const one = rig("sotw");
  one.set(CDS, "a", 1);
  one.sotw(CDS, ["a"]);
  one.flush();
  const { nonce, version } = one.last(CDS);
  one.sotw(CDS, [], { nonce, version });
  one.flush();
  one.set(CDS, "a", 2);
  assert.deepEqual(one.flush(), []);
  one.sotw(CDS, ["a"], { nonce, version });
  assert.deepEqual(one.flush(), ["CDS[a]"]);
  one.ack(CDS);
  assert.deepEqual(one.flush(), []);
});

test("I1 a client that answers late gets the newest state alone", () => {
  const one = rig("delta");
  one.set(EDS, "a", 0);
  one.delta(EDS, { subscribe: ["a"], initialVersions: initialVersions({}) });
  one.flush();
  for (let change = 1; change <= 1000; change++) {
    one.set(EDS, "a", change);
    assert.deepEqual(one.flush(), []);
  }
  one.ack(EDS);
  assert.deepEqual(one.flush(), ["EDS[a]"]);
  assert.equal(Buffer.from(one.last(EDS).resources[0]?.body ?? []).toString(), "a=1000");
});
