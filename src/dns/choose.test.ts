import assert from "node:assert/strict";
import { test } from "node:test";
import type { Health } from "../model/health.ts";
import { tierOf, tiersOf } from "./choose.ts";
import { dnsWorld, instanceOf, serviceOf } from "./testing.ts";

const us = { cluster: "us-1" as const, locality: { region: "us", zone: "", subZone: "" } };

/** Numbers in [0, 1) that fill it evenly, so that shares come out exactly. */
function even(count: number) {
  let at = 0;
  return () => (at++ % count) / count + 0.5 / count;
}

/** `name share` of each tier, in percent, of levels of healths. */
function shares(levels: readonly (readonly Health[])[], overprovisioning = 140): string[] {
  const localities = levels.map((healths, priority) => ({
    priority,
    locality: us.locality,
    weight: healths.length,
    endpoints: healths.map((health, index) => ({
      ...{ instance: instanceOf("10.0.0.1"), address: `10.0.${priority}.${index}`, port: 80, health, weight: 1 },
      ...{ network: "n1", gateway: undefined, instances: 1, clusters: ["c"] },
    })),
  }));
  return tiersOf(localities, overprovisioning).map(
    ({ share, endpoints }) => `${endpoints[0]?.address}+${endpoints.length - 1} ${Math.round(share * 100)}`,
  );
}

const many = (health: Health, count: number) => Array.from({ length: count }, () => health);

test("the first priority has everything as long as it suffices", () => {
  assert.deepEqual(shares([[...many("healthy", 3), "unhealthy"], ["healthy"]]), ["10.0.0.0+2 100"]);
});

test("what it cannot take goes to the next, by Envoy's arithmetic", () => {
  assert.deepEqual(shares([["healthy", "unhealthy"], ["healthy"]]), ["10.0.0.0+0 70", "10.0.1.0+0 30"]);
  assert.deepEqual(shares([["healthy", "unhealthy"], ["healthy"]], 100_000), ["10.0.0.0+0 100"]);
  assert.deepEqual(shares([["unhealthy"], ["healthy"]]), ["10.0.1.0+0 100"]);
});

test("degraded gets what all the healthy leave; when nobody suffices, the shares are scaled up", () => {
  assert.deepEqual(shares([["degraded"], ["healthy"]]), ["10.0.1.0+0 100"]);
  assert.deepEqual(shares([["healthy", "degraded"]]), ["10.0.0.0+0 70", "10.0.0.1+0 30"]);
  assert.deepEqual(shares([["healthy", ...many("unhealthy", 9)]]), ["10.0.0.0+0 100"]);
  assert.deepEqual(shares([many("unhealthy", 2), many("draining", 2)]), []);
});

test("a tier is chosen as often as its share says", () => {
  const tiers = [0.7, 0.3].map((share) => ({ share, endpoints: [] }));
  const random = even(1000);
  const first = Array.from({ length: 1000 }, () => tierOf(tiers, random)).filter((tier) => tier === tiers[0]).length;
  assert.equal(first, 700);
});

/** How often each address comes first. */
function firsts(world: ReturnType<typeof dnsWorld>, count: number): Readonly<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const { answer } = world.responder.explain("web.shop.mesh.local", "A", "10.1.0.9");
    const first = answer.answers[0];
    const address = first?.type === "A" ? first.data : "none";
    seen[address] = (seen[address] ?? 0) + 1;
  }
  return seen;
}

test("weights decide who is named first, and everybody is named", () => {
  const services = [serviceOf("shop/web", [instanceOf("10.0.0.1", { weight: 3 }), instanceOf("10.0.0.2")])];
  let state = 1;
  // A linear congruential generator: the same numbers in every run.
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  const seen = firsts(dnsWorld({ services, random }), 4000);
  assert.ok(Math.abs((seen["10.0.0.1"] ?? 0) / 4000 - 0.75) < 0.03, JSON.stringify(seen));
});

test("a service that is distributed over clusters is answered by its shares, and by the other when one cannot serve", () => {
  const policy = { distribute: { "eu-1": 80, "us-1": 20 } };
  const both = [instanceOf("10.0.0.1"), instanceOf("10.0.0.2", us)];
  const seen = firsts(dnsWorld({ services: [serviceOf("shop/web", both)], policy, random: even(1000) }), 1000);
  assert.deepEqual(seen, { "10.0.0.1": 800, "10.0.0.2": 200 });
  const ill = [instanceOf("10.0.0.1", { health: "unhealthy" }), instanceOf("10.0.0.2", us)];
  assert.deepEqual(firsts(dnsWorld({ services: [serviceOf("shop/web", ill)], policy, random: even(1000) }), 1000), {
    "10.0.0.2": 1000,
  });
});
