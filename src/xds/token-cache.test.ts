import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../kernel/fake-clock.ts";
import { createTokenCache, type Verdict } from "./token-cache.ts";

const jwt = (exp: number) => `h.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.s`;
const WEB = { namespace: "shop", name: "web" };

function rig(answer: (token: string) => Promise<Verdict>) {
  const clock = fakeClock();
  const asked: string[] = [];
  const verdict = createTokenCache({
    clock,
    review: (token) => {
      asked.push(token);
      return answer(token);
    },
  });
  return { clock, asked, verdict, inSeconds: (seconds: number) => clock.now() / 1000 + seconds };
}

for (const [what, life, waitMs, times] of [
  ["within five minutes", 3600, 299_000, 1],
  ["after five minutes", 3600, 301_000, 2],
  ["before it ends", 60, 59_000, 1],
  ["after it ended", 60, 61_000, 2],
] as const)
  test(`a good token is asked for ${times === 1 ? "once" : "again"} ${what}`, async () => {
    const { clock, asked, verdict, inSeconds } = rig(async () => WEB);
    const token = jwt(inSeconds(life));
    assert.deepEqual(await verdict(token), WEB);
    await clock.advance(waitMs);
    assert.deepEqual(await verdict(token), WEB);
    assert.equal(asked.length, times);
  });

test("a bad token is asked for again after ten seconds; a failure at once", async () => {
  let answer: () => Promise<Verdict> = async () => undefined;
  const { clock, asked, verdict } = rig(() => answer());
  assert.equal(await verdict("t"), undefined);
  await verdict("t");
  assert.equal(asked.length, 1);
  await clock.advance(10_001);
  answer = () => Promise.reject(new Error("down"));
  await assert.rejects(verdict("t"), /down/);
  answer = async () => WEB;
  assert.deepEqual(await verdict("t"), WEB);
});

test("the same token is one question at a time; too many different ones are put off", async () => {
  let answer: (verdict: Verdict) => void = () => undefined;
  const waiting = new Promise<Verdict>((resolve) => {
    answer = resolve;
  });
  const { asked, verdict } = rig(() => waiting);
  const same = Array.from({ length: 100 }, () => verdict("t"));
  assert.equal(asked.length, 1);
  const others = Array.from({ length: 49 }, (_, index) => verdict(`t${index}`));
  await assert.rejects(verdict("one more"), { code: "MB_XDS_TOKEN_UNCHECKED" });
  answer(WEB);
  for (const one of await Promise.all([...same, ...others])) assert.deepEqual(one, WEB);
  assert.equal(asked.length, 50);
});

test("what is longer than any token is no token", async () => {
  const { asked, verdict } = rig(async () => WEB);
  assert.equal(await verdict("x".repeat(20_000)), undefined);
  assert.equal(asked.length, 0);
});
