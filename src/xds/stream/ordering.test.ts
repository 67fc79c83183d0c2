/** Order, warming, removals and reconnects: items C and D of the protocol's checklist, and the rules for doubtful starts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CDS, EDS, LDS, RDS, ref, resource, rig } from "./testing.ts";

const toEds = (name: string) => [ref(EDS, name)];
const toCluster = (name: string) => [ref(CDS, name)];

test("C1 clusters, then endpoints, then listeners, then routes", () => {
  const { set, delta, flush } = rig("delta");
  delta(RDS, { subscribe: ["r"] });
  delta(LDS);
  delta(EDS, { subscribe: ["a"] });
  delta(CDS);
  set(RDS, "r");
  set(LDS, "l");
  set(EDS, "a");
  set(CDS, "a");
  assert.deepEqual(flush(), ["CDS[a]", "EDS[a]", "LDS[l]", "RDS[r]"]);
});

for (const variant of ["sotw", "delta"] as const) {
  const start = () => {
    const r = rig(variant);
    const all = (typeUrl: string, names: readonly string[]) =>
      variant === "sotw" ? r.sotw(typeUrl, names) : r.delta(typeUrl, { subscribe: names });
    r.set(CDS, "blue", 1, toEds("blue"));
    r.set(RDS, "r", "blue", toCluster("blue"));
    r.set(LDS, "l", 1, [ref(RDS, "r")]);
    all(CDS, variant === "sotw" ? [] : ["*"]);
    r.flush();
    r.ack(CDS);
    all(LDS, variant === "sotw" ? [] : ["*"]);
    all(RDS, ["r"]);
    r.flush();
    r.ack(LDS);
    r.ack(RDS);
    assert.deepEqual(r.flush(), []);
    return r;
  };

  test(`C1 ${variant}: a swap sends the new cluster first, the route after its ACK, and removes the old one last`, () => {
    const r = start();
    r.set(CDS, "green", 1, toEds("green"));
    r.set(RDS, "r", "green", toCluster("green"));
    r.remove(CDS, "blue");
    const whole = variant === "sotw" ? "CDS[green blue]" : "CDS[green]";
    assert.deepEqual(r.flush(), [whole]);
    r.ack(CDS);
    assert.deepEqual(r.flush(), ["RDS[r]"]);
    assert.deepEqual(r.flush(), []);
    r.ack(RDS);
    assert.deepEqual(r.flush(), [variant === "sotw" ? "CDS[green]" : "CDS[-blue]"]);
    r.ack(CDS);
    assert.deepEqual(r.flush(), []);
  });

  test(`C1 ${variant}: a refused route does not keep the old cluster for ever`, () => {
    const r = start();
    r.set(RDS, "r", "nothing");
    r.remove(CDS, "blue");
    assert.deepEqual(r.flush(), ["RDS[r]"]);
    r.nack(RDS);
    assert.deepEqual(r.flush(), [variant === "sotw" ? "CDS[]" : "CDS[-blue]"]);
  });

  test(`C1 ${variant}: a client without routes does not wait for them`, () => {
    const r = rig(variant);
    r.set(CDS, "a");
    if (variant === "sotw") r.sotw(CDS, []);
    else r.delta(CDS);
    r.flush();
    r.ack(CDS);
    r.remove(CDS, "a");
    assert.deepEqual(r.flush(), [variant === "sotw" ? "CDS[]" : "CDS[-a]"]);
  });

  test(`C2 ${variant}: endpoints follow a changed cluster, even unchanged, and also while an older one is unanswered`, () => {
    const r = rig(variant);
    r.set(CDS, "a", 1, toEds("a"));
    r.set(CDS, "b", 1, toEds("b"));
    r.set(EDS, "a", 1);
    r.set(EDS, "b", 1);
    if (variant === "sotw") {
      r.sotw(CDS, []);
      r.sotw(EDS, ["a", "b"]);
    } else {
      r.delta(CDS);
      r.delta(EDS, { subscribe: ["a", "b"] });
    }
    assert.deepEqual(r.flush(), ["CDS[a b]", "EDS[a b]"]);
    r.ack(CDS);
    r.set(CDS, "a", 2, toEds("a"));
    assert.deepEqual(r.flush(), [variant === "sotw" ? "CDS[a b]" : "CDS[a]"]);
    r.ack(EDS);
    assert.deepEqual(r.flush(), ["EDS[a]"]);
  });

  test(`C4 ${variant}: a second cluster that refers to the same endpoints gets them sent again`, () => {
    const r = rig(variant);
    r.set(CDS, "a", 1, toEds("shared"));
    r.set(EDS, "shared", 1);
    if (variant === "sotw") {
      r.sotw(CDS, []);
      r.sotw(EDS, ["shared"]);
    } else {
      r.delta(CDS);
      r.delta(EDS, { subscribe: ["shared"] });
    }
    r.flush();
    r.ack(CDS);
    r.ack(EDS);
    r.set(CDS, "b", 1, toEds("shared"));
    assert.equal(r.flush().at(-1), "EDS[shared]");
  });
}

test("C3 on a reconnect in the order EDS, LDS, RDS, CDS the endpoints follow the clusters that differ", () => {
  const { set, delta, flush, tables } = rig("delta");
  set(CDS, "a", 2, toEds("a"));
  set(EDS, "a", 1);
  const version = tables.table(EDS).get("a")?.version ?? "";
  delta(EDS, { subscribe: ["a"], initialVersions: new Map([["a", version]]) });
  assert.deepEqual(flush(), []);
  delta(CDS, { subscribe: ["*"], initialVersions: new Map([["a", "older"]]) });
  assert.deepEqual(flush(), ["CDS[a]", "EDS[a]"]);
});

test("C8 a listener or route is not sent before the client has answered the clusters it refers to", () => {
  const { set, delta, flush, ack } = rig("delta");
  delta(CDS);
  flush();
  ack(CDS);
  delta(LDS);
  flush();
  ack(LDS);
  set(LDS, "tcp", 1, toCluster("a"));
  set(CDS, "a");
  assert.deepEqual(flush(), ["CDS[a]"]);
  ack(CDS);
  assert.deepEqual(flush(), ["LDS[tcp]"]);
});

test("C8 a gRPC client, which asks for clusters by name after it has the listener, is not kept waiting", () => {
  const { set, sotw, flush } = rig("sotw");
  set(LDS, "web:80", 1, toCluster("web"));
  set(CDS, "web");
  sotw(LDS, ["web:80"]);
  assert.deepEqual(flush(), ["LDS[web:80]"]);
});

test("D1 a reconnect is answered with the difference alone: changed, new and removed", () => {
  const { set, delta, flush, tables } = rig("delta");
  for (const name of ["same", "changed", "new"]) set(CDS, name, 2);
  const held = new Map([
    ["same", tables.table(CDS).get("same")?.version ?? ""],
    ["changed", "old"],
    ["gone", "old"],
  ]);
  delta(CDS, { subscribe: ["*"], initialVersions: held });
  assert.deepEqual(flush(), ["CDS[changed new -gone]"]);
});

test("D1 a reconnect with everything current gets one empty answer to the wildcard, and nothing else", () => {
  const { set, delta, flush, tables } = rig("delta");
  set(CDS, "a");
  set(EDS, "a");
  const versionOf = (type: string) => new Map([["a", tables.table(type).get("a")?.version ?? ""]]);
  delta(CDS, { subscribe: ["*"], initialVersions: versionOf(CDS) });
  delta(EDS, { subscribe: ["a"], initialVersions: versionOf(EDS) });
  assert.deepEqual(flush(), ["CDS[]"]);
});

test("D3 a large delta answer is split, and counts as one until every part is answered", () => {
  const { set, delta, flush, stream, tables } = rig("delta");
  for (let i = 0; i < 3; i++) tables.table(CDS).set(resource(CDS, `big${i}`, "x".repeat(900_000)));
  delta(CDS);
  const nonces = stream.flush().map(({ nonce }) => nonce);
  assert.equal(nonces.length, 3);
  set(CDS, "late");
  delta(CDS, { nonce: nonces[0] ?? "" });
  delta(CDS, { nonce: nonces[1] ?? "" });
  assert.deepEqual(flush(), []);
  delta(CDS, { nonce: nonces[2] ?? "" });
  assert.deepEqual(flush(), ["CDS[late]"]);
});

test("while a source is unread, a delta client keeps what it came with, and gets what is new", () => {
  const { set, delta, flush, ack, tables } = rig("delta", { complete: false });
  set(CDS, "file", 2);
  set(CDS, "new", 1);
  delta(CDS, {
    subscribe: ["*"],
    initialVersions: new Map([
      ["file", "old"],
      ["consul", "old"],
    ]),
  });
  assert.deepEqual(flush(), ["CDS[new]"]);
  ack(CDS);
  set(CDS, "file", 3);
  assert.deepEqual(flush(), []);
  tables.complete = true;
  assert.deepEqual(flush(), ["CDS[file -consul]"]);
});

test("while a source is unread, a SotW client that comes with state is not answered, a new one is", () => {
  const old = rig("sotw", { complete: false });
  old.set(CDS, "file");
  old.sotw(CDS, [], { version: "v", nonce: "old" });
  assert.deepEqual(old.flush(), []);
  old.tables.complete = true;
  assert.deepEqual(old.flush(), ["CDS[file]"]);
  const fresh = rig("sotw", { complete: false });
  fresh.set(CDS, "file");
  fresh.sotw(CDS, []);
  assert.deepEqual(fresh.flush(), ["CDS[file]"]);
});

test("while a source is unread, an unknown name is not said to be gone", () => {
  const { delta, flush, tables } = rig("delta", { complete: false });
  delta(EDS, { subscribe: ["x"] });
  assert.deepEqual(flush(), []);
  tables.complete = true;
  assert.deepEqual(flush(), ["EDS[-x]"]);
});
