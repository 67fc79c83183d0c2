import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { fakeClock } from "../kernel/fake-clock.ts";
import { silentLog } from "../kernel/log.ts";
import { fail } from "../model/errors.ts";
import { AUTHORITATIVE, suspect } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import { type Adapter, defineAdapter, type RegistryEvent } from "./adapter.ts";
import { createFleet, type FleetEnv } from "./fleet.ts";
import type { LastKnownGood } from "./last-known-good.ts";
import type { RegistrySpec } from "./supervisor.ts";
import { registrySettings } from "./testing.ts";

const settings = registrySettings({ holdForMs: 10_000 });

const group = (registry: string, name: string, ...ids: string[]): Group => ({
  source: { registry, scope: name },
  service: { namespace: "default", name },
  ports: [],
  labels: {},
  instances: ids.map((id) => ({
    id,
    address: "10.0.0.1",
    ports: { http: 80 },
    locality: UNKNOWN_LOCALITY,
    cluster: "c1",
    network: "default",
    health: "healthy" as const,
    weight: 1,
    labels: {},
  })),
});
const says = (g: Group, evidence = AUTHORITATIVE): RegistryEvent => ({ type: "group", group: g, evidence });
const synced: RegistryEvent = { type: "synced", evidence: AUTHORITATIVE };

/** One run of a scripted adapter: its events, then an error to throw, or waiting for the abort. */
interface Run {
  readonly events: readonly RegistryEvent[];
  readonly thrown?: Error;
}

function scripted(...runs: Run[]): Adapter {
  let started = 0;
  return defineAdapter({
    kind: "scripted",
    description: "A registry that says what a test tells it to.",
    schema: Type.Object({}),
    async *watch(_config, { signal }) {
      const run = runs[Math.min(started++, runs.length - 1)];
      yield* run?.events ?? [];
      if (run?.thrown !== undefined) throw run.thrown;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  });
}

const spec = (name: string, adapter: Adapter, config = {}): RegistrySpec => ({ name, adapter, config, settings, baseDir: "/" });

/** A fleet whose catalog is a map of source name to instance ids. */
function rig(lastKnownGood?: LastKnownGood) {
  const clock = fakeClock();
  const catalog = new Map<string, string>();
  const env: FleetEnv = {
    clock,
    random: () => 0.5,
    log: silentLog,
    lastKnownGood: () => lastKnownGood,
    onChange: (_registry, changes) => {
      for (const [source, state] of changes) {
        if (state === undefined) catalog.delete(source);
        else catalog.set(source, state.instances.map(({ id, hold }) => (hold ? `${id}~` : id)).join(","));
      }
    },
    onStatus: () => undefined,
    onEvent: () => undefined,
  };
  return { clock, catalog, fleet: createFleet(env), show: () => Object.fromEntries(catalog) };
}

test("an adapter that fails is started again after a backoff; what it said stands meanwhile", async () => {
  const { clock, fleet, show } = rig();
  const adapter = scripted(
    { events: [says(group("r", "web", "a")), synced], thrown: new Error("connection reset") },
    { events: [says(group("r", "web", "b")), synced] },
  );
  fleet.configure([spec("r", adapter)]);
  await clock.advance(0);
  assert.deepEqual(show(), { "r/web": "a" });
  const [failed] = fleet.statuses();
  assert.equal(failed?.state, "stale");
  assert.equal(failed?.lastError?.code, "MB_REGISTRY_FAILED");
  assert.match(failed?.lastError?.message ?? "", /connection reset/);
  assert.equal(failed?.nextRetryAt, clock.now() + 250);
  await clock.advance(250);
  assert.deepEqual(show(), { "r/web": "b" });
  assert.equal(fleet.statuses()[0]?.state, "live");
  await fleet.stop();
});

test("one registry that fails for ever touches nothing of another", async () => {
  const { clock, fleet, show } = rig();
  fleet.configure([
    spec("bad", scripted({ events: [], thrown: new Error("no") })),
    spec("good", scripted({ events: [says(group("good", "web", "a")), synced] })),
  ]);
  await clock.advance(60_000);
  assert.deepEqual(show(), { "good/web": "a" });
  assert.deepEqual(
    fleet.statuses().map(({ state }) => state),
    ["stale", "live"],
  );
  assert.deepEqual(fleet.progress(), { allSynced: false, allSettled: false, anyBlank: true });
  await fleet.stop();
});

test("held instances are released when authoritative answers have stood for holdFor", async () => {
  const { clock, fleet, show } = rig();
  const doubted = says(group("r", "web", "a"), suspect("acl-filtered"));
  fleet.configure([spec("r", scripted({ events: [says(group("r", "web", "a", "b")), synced, doubted, synced] }))]);
  await clock.advance(9_999);
  assert.deepEqual(show(), { "r/web": "a,b~" });
  assert.equal(fleet.statuses()[0]?.held, 1);
  await clock.advance(1);
  assert.deepEqual(show(), { "r/web": "a" });
  await fleet.stop();
});

test("a registry removed from the configuration takes its groups along; the others are untouched", async () => {
  const { clock, fleet, show } = rig();
  const a = spec("a", scripted({ events: [says(group("a", "web", "x")), synced] }));
  const b = spec("b", scripted({ events: [says(group("b", "web", "y")), synced] }));
  fleet.configure([a, b]);
  await clock.advance(0);
  fleet.configure([b]);
  assert.deepEqual(show(), { "b/web": "y" });
  await fleet.stop();
});

test("a changed registry is built beside the old one and takes over when it has synced", async () => {
  const { clock, fleet, show } = rig();
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const slow = defineAdapter({
    kind: "scripted",
    description: "Syncs when told.",
    schema: Type.Object({}),
    async *watch(_config, { signal }) {
      yield says(group("r", "web", "new"));
      await finished;
      yield synced;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  });
  fleet.configure([spec("r", scripted({ events: [says(group("r", "web", "old")), says(group("r", "gone", "x")), synced] }))]);
  await clock.advance(0);
  fleet.configure([spec("r", slow, { changed: true })]);
  await clock.advance(1000);
  assert.deepEqual(show(), { "r/web": "old", "r/gone": "x" });
  finish();
  await clock.advance(0);
  assert.deepEqual(show(), { "r/web": "new" });
  await fleet.stop();
});

test("an equal configuration restarts nothing", async () => {
  const { clock, fleet } = rig();
  const adapter = scripted({ events: [synced] }, { events: [], thrown: new Error("was started again") });
  fleet.configure([spec("r", adapter, { path: "x" })]);
  await clock.advance(0);
  fleet.configure([spec("r", adapter, { path: "x" })]);
  await clock.advance(1000);
  assert.equal(fleet.statuses()[0]?.state, "live");
  await fleet.stop();
});

test("a registry that is down at the start serves its saved state, and the gate need not wait for it", async () => {
  const saved: LastKnownGood = {
    load: async () => ({ groups: [group("r", "web", "a")], savedAt: 0 }),
    save: () => undefined,
    confirm: () => undefined,
    flush: async () => undefined,
  };
  const { clock, fleet, show } = rig(saved);
  const error = fail("MB_REGISTRY_UNREACHABLE", { registry: "r", address: "x", reason: "refused" });
  fleet.configure([spec("r", scripted({ events: [{ type: "degraded", error, retryInMs: 500 }] }))]);
  await clock.advance(0);
  assert.deepEqual(show(), { "r/web": "a" });
  assert.deepEqual(fleet.progress(), { allSynced: false, allSettled: true, anyBlank: false });
  assert.equal(fleet.statuses()[0]?.nextRetryAt, clock.now() + 500);
  await fleet.stop();
});

test("a registry that stays unreadable: its instances are marked stale, leave at the very end, and come back", async () => {
  const staleness = { degradeAfterMs: 10_000, lastAfterMs: 20_000, removeAfterMs: 30_000 };
  const error = fail("MB_REGISTRY_UNREACHABLE", { registry: "r", address: "x", reason: "refused" });
  let back: (() => void) | undefined;
  const adapter = defineAdapter({
    kind: "scripted",
    description: "A registry that fails until a test lets it come back.",
    schema: Type.Object({}),
    async *watch() {
      yield says(group("r", "web", "a"));
      yield synced;
      yield { type: "degraded", error } as const;
      await new Promise<void>((resolve) => {
        back = resolve;
      });
      yield synced;
      await new Promise(() => undefined);
    },
  });
  const { clock, fleet, shown } = stages();
  fleet.configure([{ ...spec("r", adapter), settings: registrySettings({ staleness }) }]);
  await clock.advance(9999);
  assert.deepEqual([shown(), fleet.statuses()[0]?.state], [["a"], "stale"]);
  await clock.advance(1);
  assert.deepEqual([shown(), fleet.statuses()[0]?.staleness], [["a degraded"], "degraded"]);
  await clock.advance(10_000);
  assert.deepEqual(shown(), ["a last"]);
  await clock.advance(10_000);
  assert.deepEqual([shown(), fleet.statuses()[0]?.state], [[], "expired"]);
  back?.();
  await clock.advance(0);
  assert.deepEqual([shown(), fleet.statuses()[0]?.state], [["a"], "live"]);
});

/** A fleet whose only service is shown with what its age has done to it. */
function stages() {
  const clock = fakeClock();
  let latest: Group | undefined;
  const fleet = createFleet({
    clock,
    random: () => 0.5,
    log: silentLog,
    lastKnownGood: () => undefined,
    onChange: (_registry, changes) => {
      latest = changes.get("r/web");
    },
    onStatus: () => undefined,
    onEvent: () => undefined,
  });
  const shown = () => latest?.instances.map(({ id, stale }) => (stale === undefined ? id : `${id} ${stale.stage}`));
  return { clock, fleet, shown };
}

test("the operator's release ends holds of one registry, and of an unknown one says so", async () => {
  const { clock, fleet, show } = rig();
  const ids = ["a", "b", "c", "d", "e"];
  fleet.configure([spec("r", scripted({ events: [says(group("r", "web", ...ids)), synced, says(group("r", "web"))] }))]);
  await clock.advance(0);
  assert.deepEqual(show(), { "r/web": "a~,b~,c~,d~,e~" });
  assert.equal(fleet.statuses()[0]?.state, "suspect");
  assert.equal(fleet.statuses()[0]?.suspectReason, "mass-drop");
  assert.equal(fleet.release("other", {}), undefined);
  assert.equal(fleet.release("r", { service: "default/api" }), 0);
  assert.equal(fleet.release("r", {}), 5);
  assert.deepEqual(show(), { "r/web": "" });
  assert.deepEqual(fleet.held(), []);
  await fleet.stop();
});

test("a registry that is not required holds nobody up", async () => {
  const { clock, fleet } = rig();
  const silent = spec("slow", scripted({ events: [] }));
  fleet.configure([spec("good", scripted({ events: [synced] })), { ...silent, settings: registrySettings({ required: false }) }]);
  await clock.advance(0);
  assert.equal(fleet.progress().allSynced, true);
  await fleet.stop();
});

test("the parts of a registry are shown each by itself: state, age, what failed; one that is removed takes its age along", async () => {
  const { clock, fleet } = rig();
  const error = fail("MB_INTERNAL", { reason: "test" });
  const parts = (...states: readonly ("live" | "stale")[]): RegistryEvent => ({
    type: "parts",
    parts: states.map((state, index) => ({ name: `dc${index}`, state })),
  });
  const two = [
    says(group("r", "dc0/web", "a")),
    synced,
    { type: "degraded", error, part: "dc1" },
    parts("live", "stale"),
  ] as const;
  const told = Promise.withResolvers<void>();
  const adapter = defineAdapter({
    kind: "scripted",
    description: "A registry of two parts.",
    schema: Type.Object({}),
    async *watch(_config, { signal }) {
      yield* two;
      await told.promise;
      yield parts("live");
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  });
  fleet.configure([spec("r", adapter)]);
  await clock.advance(1000);
  const shown = () =>
    fleet.statuses()[0]?.parts.map(({ name, state, ageMs, lastError }) => [name, state, ageMs, lastError?.code]);
  assert.deepEqual(shown(), [
    ["dc0", "live", 1000, undefined],
    ["dc1", "stale", 1000, "MB_INTERNAL"],
  ]);
  assert.equal(fleet.statuses()[0]?.state, "stale");
  told.resolve();
  await clock.advance(0);
  assert.deepEqual(shown(), [["dc0", "live", 1000, undefined]]);
  assert.equal(fleet.statuses()[0]?.state, "live");
  await fleet.stop();
});
