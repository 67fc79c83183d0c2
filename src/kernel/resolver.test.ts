import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "./fake-clock.ts";
import { createResolver, REFRESH_MS } from "./resolver.ts";

function setUp() {
  const clock = fakeClock();
  const stop = new AbortController();
  const answers = new Map<string, readonly string[] | Error>();
  const asked: string[] = [];
  let rings = 0;
  const resolver = createResolver({
    lookup: async (host) => {
      asked.push(host);
      const answer = answers.get(host);
      if (answer === undefined) return new Promise(() => undefined);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    clock,
    signal: stop.signal,
    onChange: () => rings++,
  });
  return { clock, stop, answers, asked, resolver, rings: () => rings };
}

const notFound = Object.assign(new Error("queryA ENOTFOUND a"), { code: "ENOTFOUND" });
const again = (clock: { advance(ms: number): Promise<void> }) => clock.advance(REFRESH_MS);

test("an address is its own answer, and what can be no host name is not asked for", () => {
  const { resolver, asked } = setUp();
  assert.deepEqual(resolver.get("10.0.0.1"), { address: "10.0.0.1" });
  assert.deepEqual(resolver.get("2001:db8::1"), { address: "2001:db8::1" });
  for (const host of ["", "a b", "a/b", "-a", "$(x)", `${"x".repeat(254)}`])
    assert.deepEqual(resolver.get(host), { reason: "it has neither an IP address nor a host name", doubtful: false });
  assert.deepEqual(asked, []);
});

test("a host is asked for once, and told when it is known", async () => {
  const { resolver, asked, answers, clock, rings } = setUp();
  answers.set("a", ["2001:db8::1", "10.0.0.2", "10.0.0.1"]);
  assert.equal(resolver.get("a"), "pending");
  assert.equal(resolver.get("a"), "pending");
  await clock.advance(0);
  assert.deepEqual(resolver.get("a"), { address: "10.0.0.1" });
  assert.deepEqual([asked, rings(), [...resolver.takeChanged()], [...resolver.takeChanged()]], [["a"], 1, ["a"], []]);
});

test("it follows a host that moves, stays while the address is still one of them, and keeps it without an answer", async () => {
  const { resolver, answers, clock } = setUp();
  const used = new Set(["a"]);
  answers.set("a", ["10.0.0.5"]);
  resolver.get("a");
  await clock.advance(0);
  const states: unknown[] = [resolver.get("a")];
  for (const answer of [["10.0.0.1", "10.0.0.5"], new Error("SERVFAIL"), notFound, [], ["10.0.0.7"]]) {
    answers.set("a", answer);
    await again(clock);
    resolver.refresh(used);
    await clock.advance(0);
    states.push(resolver.get("a"));
  }
  assert.deepEqual(
    states,
    ["10.0.0.5", "10.0.0.5", "10.0.0.5", "10.0.0.5", "10.0.0.5", "10.0.0.7"].map((address) => ({ address })),
  );
});

test("no such host is an answer; silence and failure are none", async () => {
  const { resolver, answers, clock } = setUp();
  answers.set("gone", notFound);
  answers.set("empty", []);
  answers.set("broken", new Error("SERVFAIL"));
  for (const host of ["gone", "empty", "broken", "silent"]) resolver.get(host);
  await clock.advance(5000);
  const doubts = ["gone", "empty", "broken", "silent"].map((host) => {
    const resolution = resolver.get(host);
    return typeof resolution === "object" && "reason" in resolution && resolution.doubtful;
  });
  assert.deepEqual(doubts, [false, false, true, true]);
});

test("is due again after a while, forgets what is not used, and asks for few at once", async () => {
  const { resolver, answers, asked, clock } = setUp();
  assert.equal(resolver.dueInMs(), undefined);
  answers.set("a", ["10.0.0.1"]);
  answers.set("b", ["10.0.0.1"]);
  resolver.get("a");
  resolver.get("b");
  await clock.advance(1000);
  assert.equal(resolver.dueInMs(), REFRESH_MS - 1000);
  await again(clock);
  assert.equal(resolver.dueInMs(), 0);
  resolver.refresh(new Set(["b"]));
  await clock.advance(0);
  assert.deepEqual(asked, ["a", "b", "b"]);
  for (let at = 0; at < 100; at++) resolver.get(`silent-${at}`);
  assert.equal(asked.length, 3 + 16);
  await clock.advance(5000);
  assert.equal(asked.length, 3 + 32);
});

test("host names that are not to be resolved are left out, with the reason", () => {
  const { clock, stop } = setUp();
  const resolver = createResolver({ lookup: undefined, clock, signal: stop.signal, onChange: () => undefined });
  assert.deepEqual(resolver.get("a"), { reason: "it has a host name, and `resolve` is off", doubtful: false });
  assert.deepEqual(resolver.get("10.0.0.1"), { address: "10.0.0.1" });
});
