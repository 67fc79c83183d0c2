import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { freePort } from "../../test/support/ports.ts";
import { fakeClock } from "../kernel/fake-clock.ts";
import { createGatewayProbes, probeByTls } from "./gateway-probes.ts";

const rule = { intervalMs: 300, timeoutMs: 500, failures: 3, holdMs: 3000, rampMs: 1000 };

test("a gateway that falls silent is told of once, and again on each step of its way back", async () => {
  const clock = fakeClock(0);
  const ending = new AbortController();
  let answers = true;
  const told: string[] = [];
  const probes = createGatewayProbes({
    ...{ clock, random: () => 0.5, signal: ending.signal, probe: async () => answers },
    onChange: () => told.push(probes.standingOf("1.1.1.1", 1).kind),
  });
  probes.follow([{ address: "1.1.1.1", port: 1, serverName: "x", rule }]);
  await clock.advance(2000);
  answers = false;
  await clock.advance(2000);
  assert.deepEqual(told, ["lost"]);
  answers = true;
  await clock.advance(6000);
  assert.deepEqual(told, ["lost", "held", ...Array.from({ length: told.length - 3 }, () => "ramp"), "up"]);
  assert.ok(told.length > 4, told.join(" "));
  probes.follow([]);
  assert.equal(probes.standingOf("1.1.1.1", 1).kind, "up");
  assert.equal(clock.sleeping, 0);
  ending.abort();
});

test("an answer is whatever comes back; refused and silent are none", async () => {
  await using scope = new AsyncDisposableStack();
  const { signal } = new AbortController();
  const listen = async (serve: "close" | "silent") => {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      if (serve === "close") socket.once("data", () => socket.end());
      scope.defer(() => void socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    scope.defer(() => void server.close());
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  };
  const ask = (port: number, timeoutMs: number) =>
    probeByTls({ address: "127.0.0.1", port, serverName: "probe.gateway.mesh.local" }, timeoutMs, signal);
  assert.equal(await ask(await listen("close"), 5000), true);
  assert.equal(await ask(await listen("silent"), 50), false);
  assert.equal(await ask(await freePort(), 5000), false);
});
