/** The suite against a registry in memory: that a faithful adapter passes, and that the recorder sees an unfaithful one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLatest } from "../kernel/latest.ts";
import { fail } from "../model/errors.ts";
import { AUTHORITATIVE } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import type { RegistryEvent } from "./adapter.ts";
import { record } from "./contract-recorder.ts";
import { adapterContract, type ContractInstance } from "./contract-suite.ts";
import { contractGroup } from "./testing.ts";

function groupOf(service: string, instances: readonly ContractInstance[]): Group {
  return contractGroup(service, instances, { registry: "memory", scope: `default/${service}`, cluster: "c1" });
}

function group(service: string, ...ports: readonly number[]): RegistryEvent {
  const instances = ports.map((port) => ({ address: "10.0.0.1", port }));
  return { type: "group", group: groupOf(service, instances), evidence: AUTHORITATIVE };
}

const SYNCED: RegistryEvent = { type: "synced", evidence: AUTHORITATIVE };

function memoryRegistry() {
  const services = new Map<string, readonly ContractInstance[]>();
  const readers = new Set<() => void>();
  const state = { broken: false };
  /** Takes the finished edit as an argument, so that each method below is one expression. */
  const changed = async (_edit: unknown) => {
    for (const reader of readers) reader();
  };
  return {
    async *watch(signal: AbortSignal): AsyncIterable<RegistryEvent> {
      const inbox = createLatest<true>();
      const wake = () => inbox.push(true);
      readers.add(wake);
      signal.addEventListener("abort", () => inbox.close(), { once: true });
      wake();
      let known = new Set<string>();
      for await (const _ of inbox) {
        if (state.broken) {
          yield { type: "degraded", error: fail("MB_REGISTRY_FAILED", { registry: "memory", reason: "broken" }) };
          continue;
        }
        for (const [name, instances] of services)
          yield { type: "group", group: groupOf(name, instances), evidence: AUTHORITATIVE };
        for (const name of known)
          if (!services.has(name)) yield { type: "gone", source: groupOf(name, []).source, evidence: AUTHORITATIVE };
        known = new Set(services.keys());
        yield SYNCED;
      }
      readers.delete(wake);
    },
    put: (name: string, instances: readonly ContractInstance[]) => changed(services.set(name, instances)),
    remove: (name: string) => changed(services.delete(name)),
    removeInstance: (name: string, { port }: ContractInstance) =>
      changed(services.set(name, services.get(name)?.filter((other) => other.port !== port) ?? [])),
    breakRegistry: () => changed(Object.assign(state, { broken: true })),
    heal: () => changed(Object.assign(state, { broken: false })),
    stop: async () => services.clear(),
  };
}

adapterContract("memory", { start: async () => memoryRegistry(), quietMs: 50 });

async function* events(...list: readonly RegistryEvent[]): AsyncIterable<RegistryEvent> {
  yield* list;
}

test("the recorder names what was taken away", async () => {
  const seen = record(() => events(group("web", 1, 2), SYNCED, group("web", 2), group("api", 3)));
  await seen.until(() => seen.endpoints("api") !== undefined, "api");
  assert.deepEqual(seen.losses, ["web 10.0.0.1:1"]);
  assert.deepEqual(seen.sizes("web"), [2, 1]);
});

test("waiting on a run that ended says so", async () => {
  const seen = record(() => events(SYNCED));
  await assert.rejects(
    seen.until(() => seen.synced > 1, "a second synced"),
    /ended while a second synced was awaited/,
  );
});

test("what a run throws reaches the one who waits", async () => {
  const seen = record(async function* () {
    yield SYNCED;
    throw new Error("boom");
  });
  await assert.rejects(
    seen.until(() => seen.synced > 1, "a second synced"),
    (error: Error) => error.cause instanceof Error && error.cause.message === "boom",
  );
  await assert.rejects(seen.abort(), /boom/);
});
