import assert from "node:assert/strict";
import { test } from "node:test";
import { runModel } from "./testing-run.ts";

const WEB = "/sd/web/1";

test("the first read is told at once, in doubt only about what is missing, which is over with time", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  model.put("/sd/unmeant/1", "10.0.0.2:80");
  model.put("/sd/empty");
  await clock.advance(0);
  assert.deepEqual(said(), ["group sd/web 10.0.0.1:80*1 new-session", "group sd/empty new-session", "synced new-session"]);
  await clock.advance(59_999);
  assert.deepEqual(new Set(said()), new Set(["synced new-session"]));
  await clock.advance(1);
  assert.equal(said().at(-1), "synced authoritative");
  await end();
});

test("changes are told as they happen, with proof, and nothing else is told", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  model.put("/sd/api/1", "10.0.0.2:80");
  await clock.advance(0);
  said();
  model.put("/sd/web/2", "10.0.0.3:80");
  await clock.advance(0);
  assert.deepEqual(said(), ["group sd/web 10.0.0.1:80*1 10.0.0.3:80*1 authoritative", "synced new-session"]);
  model.remove(WEB);
  model.remove("/sd/api");
  await clock.advance(20);
  assert.deepEqual(said(), ["group sd/web 10.0.0.3:80*1 authoritative", "gone sd/api authoritative", "synced new-session"]);
  await end();
});

test("a storm of changes is told in few steps", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  await clock.advance(0);
  said();
  for (let at = 0; at < 100; at++) {
    model.put(`/sd/web/n${at}`, "10.0.0.1:80");
    await clock.advance(1);
  }
  const groups = said().filter((word) => word.startsWith("group"));
  assert.ok(groups.length <= 7, `${groups.length}`);
  await end();
});

test("a resumed session's full read is proof", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  model.put("/sd/web/2", "10.0.0.2:80");
  await clock.advance(60_000);
  said();
  model.disconnect();
  model.remove("/sd/web/2");
  await clock.advance(0);
  assert.deepEqual(said(), ["degraded MB_REGISTRY_UNREACHABLE 250"]);
  await clock.advance(250);
  assert.deepEqual(said(), ["group sd/web 10.0.0.1:80*1 authoritative", "synced authoritative"]);
  await end();
});

test("a new session's full read proves no removal before the providers' time has passed, then all is said again", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  model.put("/sd/web/2", "10.0.0.2:80");
  model.put("/sd/api/1", "10.0.0.3:80");
  await clock.advance(60_000);
  said();
  model.expire();
  model.remove("/sd/web/2");
  model.remove("/sd/api");
  await clock.advance(250);
  assert.deepEqual(said(), [
    "degraded MB_REGISTRY_UNREACHABLE 250",
    "group sd/web 10.0.0.1:80*1 new-session",
    "gone sd/api new-session",
    "synced new-session",
  ]);
  await clock.advance(59_000);
  said();
  await clock.advance(1000);
  assert.deepEqual(said(), ["group sd/web 10.0.0.1:80*1 authoritative", "gone sd/api authoritative", "synced authoritative"]);
  await end();
});

test("what is removed live in a new session is proof all the same", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  model.put("/sd/web/2", "10.0.0.2:80");
  await clock.advance(0);
  said();
  model.remove("/sd/web/2");
  await clock.advance(20);
  assert.deepEqual(said(), ["group sd/web 10.0.0.1:80*1 authoritative", "synced new-session"]);
  await end();
});

test("an ensemble restored from an older state proves nothing either, though the session lives", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  const restore = model.snapshot();
  model.put("/sd/web/2", "10.0.0.2:80");
  await clock.advance(60_000);
  said();
  restore();
  await clock.advance(250);
  assert.deepEqual(said().slice(1), ["group sd/web 10.0.0.1:80*1 index-went-back", "synced index-went-back"]);
  await end();
});

test("while it is quiet a probe says that the server lives, and so do we", async () => {
  const { clock, model, said, end } = runModel({ sessionTimeoutMs: 9000 });
  model.put(WEB, "10.0.0.1:80");
  await clock.advance(60_000);
  said();
  const before = model.requests.exists;
  await clock.advance(9000);
  assert.deepEqual(said(), ["synced authoritative", "synced authoritative", "synced authoritative"]);
  assert.equal(model.requests.exists - before, 3);
  await end();
});

test("what we may not see is in doubt, and found again when the rights come back", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  model.put("/sd/web/2", "10.0.0.2:80");
  model.forbidden.add("/sd/web/2");
  await clock.advance(0);
  assert.deepEqual(said(), ["group sd/web 10.0.0.1:80*1 acl-filtered", "synced acl-filtered"]);
  model.forbidden.clear();
  await clock.advance(60_000);
  const words = said();
  assert.ok(words.includes("group sd/web 10.0.0.1:80*1 10.0.0.2:80*1 authoritative"), words.join("\n"));
  assert.equal(words.at(-1), "synced authoritative");
  await end();
});

test("a group with a host name waits for its address, others do not", async () => {
  const { clock, model, answers, said, end } = runModel();
  model.put(WEB, "web.example.com:80");
  model.put("/sd/api/1", "10.0.0.2:80");
  answers.set("web.example.com", ["10.0.0.1"]);
  await clock.advance(0);
  assert.deepEqual(said(), [
    "group sd/api 10.0.0.2:80*1 new-session",
    "group sd/web 10.0.0.1:80*1 new-session",
    "synced new-session",
  ]);
  answers.set("web.example.com", ["10.0.0.9"]);
  await clock.advance(60_000);
  assert.ok(said().includes("group sd/web 10.0.0.9:80*1 authoritative"));
  answers.set("web.example.com", new Error("SERVFAIL"));
  await clock.advance(60_000);
  assert.deepEqual(new Set(said()), new Set(["synced authoritative"]), "without an answer the address stands");
  await end();
});

test("a silent name server leaves instances out without proof", async () => {
  const { clock, model, answers, said, end } = runModel();
  model.put(WEB, "web.example.com:80");
  await clock.advance(60_000);
  const words = said();
  assert.deepEqual(words.slice(0, 2), ["group sd/web !1 partial-read", "synced new-session"]);
  assert.equal(words.at(-1), "synced partial-read");
  answers.set("web.example.com", ["10.0.0.1"]);
  await clock.advance(60_000);
  assert.equal(said().at(-1), "synced authoritative");
  await end();
});

test("the weight of what warms up grows while nothing else happens", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, `10.0.0.1:80 weight=100 startedAt=${clock.now()} warmupMs=40000`);
  await clock.advance(100_000);
  const weights = said().flatMap((word) => /^group .*\*(\d+) /.exec(word)?.[1] ?? []);
  assert.deepEqual(weights, ["1", "25", "50", "75", "100"]);
  await end();
});

test("a registry that cannot be reached is degraded, again and again, and never more", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  model.refuse = true;
  await clock.advance(1000);
  assert.deepEqual(said(), [
    "degraded MB_REGISTRY_UNREACHABLE 250",
    "degraded MB_REGISTRY_UNREACHABLE 500",
    "degraded MB_REGISTRY_UNREACHABLE 1000",
  ]);
  await end();
});

test("a connection that dies within a full read changes nothing, and does not make the pauses short again", async () => {
  const { clock, model, said, end } = runModel();
  model.put(WEB, "10.0.0.1:80");
  await clock.advance(60_000);
  said();
  model.hung = true;
  model.remove(WEB);
  for (let at = 0; at < 3; at++) {
    model.disconnect();
    await clock.advance(5000);
  }
  assert.deepEqual(said(), [
    "degraded MB_REGISTRY_UNREACHABLE 250",
    "degraded MB_REGISTRY_UNREACHABLE 500",
    "degraded MB_REGISTRY_UNREACHABLE 1000",
  ]);
  model.hung = false;
  await clock.advance(5000);
  assert.deepEqual(said(), ["group sd/web authoritative", "synced authoritative"]);
  await end();
});
