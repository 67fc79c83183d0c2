import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../kernel/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { createGate, DEFAULT_GATE_LIMITS } from "./gate.ts";

/** Connects and says a preface at once, or nothing. In a thread of its own: this one is kept busy. */
const CLIENT = `
const { workerData } = require("node:worker_threads");
const socket = require("node:net").connect(workerData.port, "127.0.0.1", () => socket.write(workerData.said));
socket.on("error", () => {});
socket.resume();
`;

for (const [name, said, refusals] of [
  ["spoke while the process was busy is not taken for a silent one", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []],
  ["said nothing meanwhile is one", "", ["silent"]],
] as const)
  test(`a client that ${name}`, async () => {
    const refused: string[] = [];
    const env = { clock: systemClock, log: silentLog, onRefused: (reason: string) => refused.push(reason) };
    const busy = () => {
      const until = performance.now() + 300;
      while (performance.now() < until);
    };
    const gate = createGate({ ...DEFAULT_GATE_LIMITS, prefaceMs: 100 }, env, (socket) => {
      socket.resume();
      busy();
    });
    gate.listen(0, "127.0.0.1");
    await once(gate, "listening");
    const { port } = gate.address() as AddressInfo;
    const client = new Worker(CLIENT, { eval: true, workerData: { port, said } });
    await once(gate, "connection");
    await systemClock.sleep(200);
    assert.deepEqual(refused, refusals);
    await client.terminate();
    gate.close();
  });
