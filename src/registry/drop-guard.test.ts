/** Recorded shapes of what registries do when things go wrong, and when people deploy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AUTHORITATIVE } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import type { Health } from "../model/health.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import { createLedger } from "./ledger.ts";
import { registrySettings } from "./testing.ts";

type Shown = Readonly<Record<string, Health>>;

function group(scope: string, instances: Shown): Group {
  return {
    source: { registry: "r", scope },
    service: { namespace: "default", name: scope },
    ports: [],
    labels: {},
    instances: Object.entries(instances).map(([id, health]) => ({
      id,
      address: "10.0.0.1",
      ports: { http: 80 },
      locality: UNKNOWN_LOCALITY,
      cluster: "c1",
      network: "default",
      health,
      weight: 1,
      labels: {},
    })),
  };
}

/** A registry in which a test says what each service has now; every statement is proof. */
function rig(settings = registrySettings()) {
  const drained = new Set<string>();
  const ledger = createLedger(settings, { drained: () => drained });
  ledger.beginRun();
  let now = 0;
  const at = () => ({ wall: now, mono: now });
  return {
    ledger,
    drained,
    say: (scope: string, ids: readonly string[], health: Readonly<Record<string, Health>> = {}) =>
      ledger.apply(
        {
          type: "group",
          group: group(scope, Object.fromEntries(ids.map((id) => [id, health[id] ?? "healthy"]))),
          evidence: AUTHORITATIVE,
        },
        at(),
      ),
    gone: (scope: string) => ledger.apply({ type: "gone", source: { registry: "r", scope }, evidence: AUTHORITATIVE }, at()),
    pass: (ms: number) => {
      now += ms;
    },
    release: (filter = {}) => ledger.releaseNow(filter, at()),
    releaseDue: () => ledger.release(at()),
    held: () =>
      ledger
        .held(at())
        .map(({ instance }) => instance)
        .sort(),
    there: (scope: string) =>
      ledger
        .groups()
        .filter(({ service }) => service.name === scope)
        .flatMap(({ instances }) => instances.map(({ id }) => id)),
  };
}

const range = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

test("60 % of a service vanish at once: they are held, served on, and the state says why", () => {
  const registry = rig();
  const ids = range("a", 10);
  registry.say("web", ids);
  registry.say("web", ids.slice(6));
  assert.deepEqual(registry.held(), ids.slice(0, 6));
  assert.deepEqual(new Set(registry.there("web")), new Set(ids));
  assert.equal(registry.ledger.suspectReason, "mass-drop");
});

test("what left one by one before the limit was passed comes back as held", () => {
  const registry = rig();
  const ids = range("a", 10);
  registry.say("web", ids);
  for (let left = 1; left <= 6; left++) {
    registry.say("web", ids.slice(left));
    registry.pass(1000);
  }
  assert.deepEqual(registry.held(), ids.slice(0, 6));
});

test("a share of every service of the registry vanishes: all of it is held, also that of services seen first", () => {
  const registry = rig();
  const services = range("s", 12);
  for (const service of services) registry.say(service, range(service, 10));
  for (const service of services) registry.say(service, range(service, 10).slice(3));
  assert.equal(registry.held().length, 36);
});

test("the last instances of a service of three or more are held; those of a smaller one leave at once", () => {
  for (const [size, held] of [
    [1, 0],
    [2, 0],
    [3, 3],
    [8, 8],
  ] as const) {
    const registry = rig();
    registry.say("other", range("o", 100));
    registry.say("web", range("a", size));
    registry.say("web", []);
    assert.equal(registry.held().length, held, `a service of ${size}`);
  }
});

test("a service deregistered as a whole is held like one that lost all its instances", () => {
  const registry = rig();
  registry.say("other", range("o", 100));
  registry.say("web", range("a", 4));
  registry.gone("web");
  assert.deepEqual(registry.there("web").length, 4);
  registry.pass(120_000);
  registry.releaseDue();
  assert.deepEqual(registry.there("web"), []);
});

test("services that vanish one after the other, wholly: those that were gone already come back", () => {
  const registry = rig();
  for (const service of range("s", 20)) registry.say(service, range(service, 2));
  for (const service of range("s", 20)) registry.gone(service);
  assert.equal(registry.held().length, 40);
});

test("one of two leaves, two of five leave, three of a thousand leave: nothing is held", () => {
  for (const [size, leaving] of [
    [2, 1],
    [3, 2],
    [5, 2],
    [20, 3],
    [1000, 100],
  ] as const) {
    const registry = rig();
    registry.say("web", range("a", size));
    registry.say("web", range("a", size).slice(leaving));
    assert.deepEqual(registry.held(), [], `${leaving} of ${size}`);
  }
});

/**
 * A rolling deploy as Kubernetes and most pipelines do it: `batch` new ones come (surge) or old ones go first (no surge),
 * until all are replaced. Old ones simply vanish, which is the hardest case.
 */
function deploy(size: number, batch: number, surge: boolean) {
  const registry = rig();
  let running = range("old", size);
  registry.say("web", running);
  for (let replaced = 0; replaced < size; replaced += batch) {
    const count = Math.min(batch, size - replaced);
    const fresh = Array.from({ length: count }, (_, index) => `new${replaced + index}`);
    const without = running.slice(count);
    registry.say("web", surge ? [...running, ...fresh] : without);
    registry.pass(2000);
    running = [...without, ...fresh];
    registry.say("web", running);
    registry.pass(2000);
  }
  return registry.held();
}

for (const size of [1, 2, 3, 4, 5, 8, 10, 20, 50, 200]) {
  const quarter = Math.max(1, Math.floor(size / 4));
  for (const [name, batch] of [
    ["one by one", 1],
    ["a quarter at a time", quarter],
  ] as const) {
    test(`a rolling deploy of ${size}, ${name}, is never held, with and without surge`, () => {
      assert.deepEqual(deploy(size, batch, true), []);
      assert.deepEqual(deploy(size, batch, false), []);
    });
  }
  test(`a blue/green switch of ${size} is not held`, () => {
    const registry = rig();
    registry.say("web", range("blue", size));
    registry.say("web", [...range("blue", size), ...range("green", size)]);
    registry.pass(60_000);
    registry.say("web", range("green", size));
    assert.deepEqual(registry.held(), []);
  });
  test(`${size} instances that drained before they left are not held`, () => {
    const registry = rig();
    const ids = range("a", size);
    registry.say("web", ids);
    registry.say("web", ids, Object.fromEntries(ids.map((id) => [id, "draining" as const])));
    registry.say("web", []);
    assert.deepEqual(registry.there("web"), []);
  });
}

test("what a drain has taken the traffic from leaves at once, and hides nothing that leaves beside it", () => {
  const registry = rig();
  const ids = range("a", 10);
  registry.say("web", ids);
  for (const id of ids.slice(0, 6)) registry.drained.add(id);
  registry.say("web", ids.slice(3));
  registry.say("web", ids.slice(6));
  assert.deepEqual([registry.held(), registry.there("web")], [[], ids.slice(6)]);
  registry.say("web", []);
  assert.deepEqual(registry.held(), ids.slice(6));
  const all = rig();
  all.say("web", ids);
  for (const id of ids) all.drained.add(id);
  all.gone("web");
  assert.deepEqual(all.there("web"), []);
});

test("a drained one that stays is no newcomer when its drain ends", () => {
  const registry = rig();
  const ids = range("a", 10);
  registry.say("web", ids);
  registry.drained.add("a0").add("a1");
  registry.say("web", ids.slice(1));
  registry.drained.clear();
  registry.say("web", ids.slice(7));
  assert.deepEqual(registry.held(), ids.slice(1, 7));
});

test("a hold ends when the instance is named again, after holdFor of proof, or by the operator's word, and not before", () => {
  const ids = range("a", 10);
  const dropped = () => {
    const registry = rig();
    registry.say("web", ids);
    registry.say("web", ids.slice(6));
    return registry;
  };
  const named = dropped();
  named.say("web", ids);
  assert.deepEqual(named.held(), []);
  const waited = dropped();
  waited.pass(119_999);
  waited.releaseDue();
  assert.equal(waited.held().length, 6);
  waited.pass(1);
  waited.releaseDue();
  assert.deepEqual(waited.there("web"), ids.slice(6));
  const released = dropped();
  released.release({ service: "default/web", instance: "a0" });
  assert.deepEqual(released.held(), ids.slice(1, 6));
  released.release();
  assert.deepEqual(released.there("web"), ids.slice(6));
  assert.equal(released.ledger.suspectReason, undefined);
  released.say("web", ids.slice(7));
  assert.deepEqual(released.held(), [], "what was released is not held again with the next one that leaves");
});

test("newcomers that leave again take nothing away: a rollback is not held", () => {
  const registry = rig();
  const blue = range("blue", 10);
  registry.say("web", blue);
  registry.say("web", [...blue, ...range("green", 10)]);
  registry.pass(60_000);
  registry.say("web", blue);
  assert.deepEqual(registry.held(), []);
  registry.say("web", blue.slice(5));
  assert.equal(registry.held().length, 5, "the ones from before are protected as ever");
});

test("what was held and came back late is no newcomer: it is protected like before", () => {
  const registry = rig();
  const ids = range("a", 6);
  registry.say("web", ids);
  registry.say("web", []);
  registry.pass(45_000);
  registry.say("web", ids);
  assert.deepEqual(registry.held(), []);
  registry.pass(10_000);
  registry.say("web", []);
  assert.deepEqual(registry.held(), ids);
});

test("what was held in doubt and is named again counts no longer: the next one that leaves goes at once", () => {
  const { ledger, say, pass, held } = rig();
  say("web", ["web-0", "web-1", "web-2"]);
  say("nudge", ["nudge"]);
  const doubtful = { kind: "suspect", reason: "index-went-back" } as const;
  for (const scope of ["web", "nudge"])
    ledger.apply({ type: "gone", source: { registry: "r", scope }, evidence: doubtful }, { wall: 0, mono: 0 });
  assert.equal(held().length, 4);
  pass(1000);
  say("web", ["web-0", "web-1", "web-2"]);
  assert.deepEqual(held(), ["nudge"]);
  pass(1000);
  say("web", ["web-1", "web-2"]);
  assert.deepEqual(held(), ["nudge"]);
});

test("losses far apart are no mass removal", () => {
  const registry = rig();
  const ids = range("a", 10);
  registry.say("web", ids);
  for (let left = 1; left <= 10; left++) {
    registry.say("web", ids.slice(left));
    registry.pass(31_000);
  }
  assert.deepEqual(registry.there("web"), []);
});

test("switched off, what proof removes goes at once, however much it is", () => {
  const registry = rig(registrySettings({ protection: undefined }));
  registry.say("web", range("a", 100));
  registry.say("web", []);
  assert.deepEqual(registry.there("web"), []);
});
