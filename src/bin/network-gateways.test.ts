import assert from "node:assert/strict";
import { test } from "node:test";
import { stringify } from "yaml";
import { parseConfig } from "../config/load.ts";
import { fakeClock } from "../kernel/fake-clock.ts";
import { createNetworkGateways } from "./network-gateways.ts";

const config = (host: string) =>
  parseConfig(stringify({ networks: [{ name: "n2", gateways: [{ address: host }] }] }), {
    ...{ path: "x.yaml", adapters: [], env: {}, flags: new Map() },
  }).traffic;
const turn = () => new Promise(setImmediate);

test("a gateway's host name is asked for again, and its last address stands while nobody answers", async () => {
  const clock = fakeClock(0);
  const answers: (readonly string[] | Error)[] = [["192.0.2.1"], new Error("SERVFAIL"), ["192.0.2.2"]];
  const ending = new AbortController();
  let changes = 0;
  const gateways = createNetworkGateways(config("gw.example.com"), {
    ...{ clock, signal: ending.signal, onChange: () => changes++ },
    lookup: async () => {
      const answer = answers.shift();
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("asked too often");
      return answer;
    },
  });
  const known = () => gateways.traffic.topology.gatewaysOf("n2").map(({ address }) => address);
  assert.deepEqual([known(), gateways.settled], [[], false]);
  await turn();
  assert.deepEqual([known(), gateways.settled, changes], [["192.0.2.1"], true, 1]);
  for (const expected of ["192.0.2.1", "192.0.2.2"]) {
    await clock.advance(32_000);
    assert.deepEqual(known(), [expected]);
  }
  ending.abort();
});

test("literal addresses are known at once, without a question", () => {
  const ending = new AbortController();
  const gateways = createNetworkGateways(config("192.0.2.7"), {
    ...{ clock: fakeClock(0), signal: ending.signal, onChange: () => undefined },
    lookup: async () => assert.fail("nothing is to be asked"),
  });
  assert.equal(gateways.traffic.topology.gatewaysOf("n2")[0]?.address, "192.0.2.7");
  assert.equal(gateways.settled, true);
  ending.abort();
});
