/**
 * The tests that every adapter runs against its own registry (a real one, or a stub that speaks its protocol): what
 * `Adapter.watch` promises in adapter.ts, seen from outside. A harness says how to write into that registry.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RegistryEvent } from "./adapter.ts";
import { type Recorder, record } from "./contract-recorder.ts";

/** One instance as the suite writes it. Address and port together tell it apart from its peers. */
export interface ContractInstance {
  readonly address: string;
  readonly port: number;
}

/** A running registry and an adapter set up for it. */
export interface ContractRegistry {
  /** A new run of the adapter against this registry. Called several times, also after an abort. */
  watch(signal: AbortSignal): AsyncIterable<RegistryEvent>;
  /** Makes `instances` the whole set of the service, which is created when it is not there. */
  put(service: string, instances: readonly ContractInstance[]): Promise<void>;
  /** Removes the service with all its instances. */
  remove(service: string): Promise<void>;
  removeInstance(service: string, instance: ContractInstance): Promise<void>;
  /** From here on no read succeeds (stop the server, break the file), while its content is kept for `heal`. */
  breakRegistry(): Promise<void>;
  /** Undoes `breakRegistry`: the content is what it was. */
  heal(): Promise<void>;
  /** Ends the registry and removes what it left behind. */
  stop(): Promise<void>;
}

export interface ContractHarness {
  start(): Promise<ContractRegistry>;
  /** How long the adapter may be busy before a quiet registry must be quiet, in ms. Default 1000. */
  readonly quietMs?: number;
}

const A = { address: "10.1.0.1", port: 9001 };
const B = { address: "10.1.0.2", port: 9002 };
const C = { address: "10.1.0.3", port: 9003 };

type Case = (registry: ContractRegistry, run: () => Recorder) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  "sends the full set once, whole, then synced": async (registry, run) => {
    const many = Array.from({ length: 20 }, (_, index) => ({ address: `10.2.0.${index + 1}`, port: 9000 + index }));
    for (const service of ["many-a", "many-b", "many-c"]) await registry.put(service, many);
    const seen = run();
    await seen.until(() => seen.synced > 0, "synced");
    for (const service of ["many-a", "many-b", "many-c"]) {
      assert.deepEqual(seen.endpoints(service), many.map(endpoint).sort());
      assert.deepEqual(new Set(seen.sizes(service)), new Set([20]), `a part of ${service} was sent`);
    }
  },
  "replaces a group as a whole when it changes": async (registry, run) => {
    await registry.put("web", [A, B]);
    const seen = run();
    await seen.until(() => seen.synced > 0, "synced");
    await registry.put("web", [B, C]);
    await seen.until(() => seen.endpoints("web")?.join() === [B, C].map(endpoint).join(), "the new set of web");
    await registry.removeInstance("web", C);
    await seen.until(() => seen.endpoints("web")?.join() === endpoint(B), "web without the removed instance");
    assert.equal(seen.evidenceOf("web"), "authoritative");
  },
  "brings a service that appears later": async (registry, run) => {
    await registry.put("web", [A]);
    const seen = run();
    await seen.until(() => seen.synced > 0, "synced");
    await registry.put("late", [B]);
    await seen.until(() => seen.endpoints("late")?.join() === endpoint(B), "the new service");
    assert.deepEqual(seen.endpoints("web"), [endpoint(A)]);
  },
  "removes what is gone, with authoritative evidence": async (registry, run) => {
    await registry.put("web", [A]);
    await registry.put("api", [B]);
    const seen = run();
    await seen.until(() => seen.synced > 0, "synced");
    await registry.remove("api");
    await seen.until(() => (seen.endpoints("api")?.length ?? 0) === 0, "the removal of api");
    assert.equal(seen.evidenceOf("api"), "authoritative");
    assert.deepEqual(seen.endpoints("web"), [endpoint(A)]);
  },
  "keeps what it said while the registry cannot be read, then is current again": async (registry, run) => {
    await registry.put("web", [A, B]);
    await registry.put("api", [C]);
    const seen = run();
    await seen.until(() => seen.synced > 0, "synced");
    await registry.breakRegistry();
    await seen.until(() => seen.degraded.length > 0, "degraded");
    assert.match(seen.degraded[0]?.error.code ?? "", /^MB_/);
    const syncedBefore = seen.synced;
    await registry.heal();
    await seen.until(() => seen.synced > syncedBefore, "synced after the registry is back");
    assert.deepEqual(seen.endpoints("web"), [A, B].map(endpoint));
    assert.deepEqual(seen.endpoints("api"), [endpoint(C)]);
    assert.deepEqual(seen.losses, [], "instances were taken away though nothing was removed");
    await registry.put("api", [A]);
    await seen.until(() => seen.endpoints("api")?.join() === endpoint(A), "a change after the registry is back");
  },
  "says degraded, and neither groups nor synced, when it starts on a registry that cannot be read": async (registry, run) => {
    await registry.put("web", [A]);
    await registry.breakRegistry();
    const seen = run();
    await seen.until(() => seen.degraded.length > 0, "degraded");
    assert.equal(seen.synced, 0);
    assert.equal(seen.endpoints("web"), undefined);
    await registry.heal();
    await seen.until(() => seen.synced > 0, "synced once the registry is there");
    assert.deepEqual(seen.endpoints("web"), [endpoint(A)]);
  },
  "ends within a second of the abort": async (registry, run) => {
    await registry.put("web", [A]);
    const seen = run();
    await seen.until(() => seen.synced > 0, "synced");
    const tookMs = await seen.abort();
    assert.ok(tookMs < 1000, `it took ${Math.round(tookMs)} ms`);
  },
  "ends within a second of the abort while the registry cannot be read": async (registry, run) => {
    await registry.breakRegistry();
    const seen = run();
    await seen.until(() => seen.degraded.length > 0, "degraded");
    const tookMs = await seen.abort();
    assert.ok(tookMs < 1000, `it took ${Math.round(tookMs)} ms`);
  },
  "comes to the same state when it is started again": async (registry, run) => {
    await registry.put("web", [A, B]);
    await registry.put("api", [C]);
    const first = run();
    await first.until(() => first.synced > 0, "synced");
    await first.abort();
    const second = run();
    await second.until(() => second.synced > 0, "synced of the second run");
    assert.deepEqual(second.groups(), first.groups());
  },
};

/** Registers the suite with node:test under the adapter's name. Each case gets a registry of its own. */
export function adapterContract(name: string, harness: ContractHarness): void {
  describe(`${name}: the adapter contract`, () => {
    for (const [title, body] of Object.entries(CASES)) test(title, { timeout: 60_000 }, () => withRegistry(harness, body));
    test("is quiet while nothing changes", { timeout: 60_000 }, () =>
      withRegistry(harness, async (registry, run) => {
        await registry.put("web", [A]);
        const seen = run();
        await seen.until(() => seen.synced > 0, "synced");
        await seen.quiet(harness.quietMs ?? 1000);
        assert.ok(seen.sizes("web").length <= 2, `web was sent ${seen.sizes("web").length} times`);
      }),
    );
  });
}

async function withRegistry(harness: ContractHarness, body: Case): Promise<void> {
  const registry = await harness.start();
  const runs: Recorder[] = [];
  try {
    await body(registry, () => {
      const recorder = record((signal) => registry.watch(signal));
      runs.push(recorder);
      return recorder;
    });
  } finally {
    for (const recorder of runs) await recorder.abort();
    await registry.stop();
  }
}

function endpoint({ address, port }: ContractInstance): string {
  return `${address}:${port}`;
}
