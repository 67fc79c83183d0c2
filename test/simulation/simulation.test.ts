/** Some histories by seed, that a seed repeats, and that the oracle sees what it is there to see. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AUTHORITATIVE } from "../../src/model/evidence.ts";
import { playHistory } from "./history.ts";
import { simulatedConsul } from "./registries/consul.ts";
import { simulatedKubernetes } from "./registries/kubernetes.ts";
import type { SimulatedRegistry } from "./registry.ts";

describe("simulated histories", () => {
  for (const from of [1, 26, 51, 76])
    test(`seeds ${from} to ${from + 24} hold`, async () => {
      for (let seed = from; seed < from + 25; seed++) {
        const { breaches } = await playHistory(seed);
        assert.deepEqual(breaches, [], `npm run simulate -- --seed ${seed}`);
      }
    });

  test("seeds that once found a fault hold: a Consul that went back between two reads, an answer after silence", async () => {
    for (const seed of [102, 245, 467]) assert.deepEqual((await playHistory(seed)).breaches, [], `seed ${seed}`);
  });

  test("a seed repeats its history", async () => {
    const [first, second] = [await playHistory(7), await playHistory(7)];
    assert.deepEqual(first, second);
    assert.notDeepEqual(first.steps, (await playHistory(8)).steps);
  });

  test("an adapter that takes unreachable for empty is caught", async () => {
    const broken = (registry: SimulatedRegistry): SimulatedRegistry => ({ ...registry, adapter: () => credulous(registry) });
    const caught = [];
    for (let seed = 1; seed <= 10; seed++) {
      const { breaches } = await playHistory(seed, {
        registries: (clock) => [broken(simulatedConsul(clock)), simulatedKubernetes(clock)],
      });
      if (breaches.some((breach) => breach.includes("consul") && breach.includes("withdrawn"))) caught.push(seed);
    }
    assert.ok(caught.length > 0, "the oracle saw nothing");
  });
});

/** Consul's adapter with the fault that bridges are famous for: whatever cannot be read is gone, with conviction. */
function credulous(registry: SimulatedRegistry) {
  const adapter = registry.adapter();
  return {
    ...adapter,
    async *watch(config: Record<string, never>, context: Parameters<typeof adapter.watch>[1]) {
      const known = new Map<string, { registry: string; scope: string }>();
      for await (const event of adapter.watch(config, { ...context })) {
        if (event.type === "group") known.set(event.group.source.scope, event.group.source);
        yield event;
        if (event.type !== "degraded") continue;
        for (const source of known.values())
          yield { type: "gone" as const, source, evidence: { ...AUTHORITATIVE, byOperator: true } as const };
      }
    },
  };
}
