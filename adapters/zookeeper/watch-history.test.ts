/** After any history of writes, lost connections and expired sessions, what was said is what there is; and no lie before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { propertyRuns } from "../../src/kernel/property-runs.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import { createLedger } from "../../src/registry/ledger.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { runModel } from "./testing-run.ts";

type Step =
  | { readonly type: "put" | "remove"; readonly service: string; readonly instance: string }
  | { readonly type: "removeService"; readonly service: string }
  | { readonly type: "pass"; readonly ms: number }
  | { readonly type: "refuse" | "hang"; readonly ms: number }
  | { readonly type: "disconnect" | "expire" | "forbid" };

const service = fc.constantFrom("web", "api");
const instance = fc.constantFrom("1", "2");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("put" as const), service, instance }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("remove" as const), service, instance }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("removeService" as const), service }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("pass" as const), ms: fc.constantFrom(0, 1, 30, 700, 70_000) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("disconnect", "expire", "forbid" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("refuse", "hang" as const), ms: fc.constantFrom(0, 300, 5000) }) },
);

async function act({ model, clock }: ReturnType<typeof runModel>, now: Step): Promise<void> {
  if (now.type === "put") model.put(`/sd/${now.service}/${now.instance}`, `10.0.0.${now.instance}:80`);
  if (now.type === "remove") model.remove(`/sd/${now.service}/${now.instance}`);
  if (now.type === "removeService") model.remove(`/sd/${now.service}`);
  if (now.type === "pass") await clock.advance(now.ms);
  if (now.type === "disconnect") model.disconnect();
  if (now.type === "expire") model.expire();
  if (now.type === "forbid" && !model.forbidden.delete("/sd/web/1")) model.forbidden.add("/sd/web/1");
  if (now.type === "refuse" || now.type === "hang") {
    const what = now.type === "hang" ? "hung" : "refuse";
    model[what] = true;
    await clock.advance(now.ms);
    // A read deadline takes down what hung; a refusal is only met by who has no connection.
    model.disconnect();
    await clock.advance(now.ms);
    model[what] = false;
  }
}

/** Instances by service, as the events say. */
function heard(events: readonly RegistryEvent[]): Map<string, string[]> {
  const said = new Map<string, string[]>();
  for (const event of events) {
    if (event.type === "group") said.set(event.group.service.name, event.group.instances.map(({ id }) => id).sort());
    if (event.type === "gone") said.delete(event.source.scope.slice("sd/".length));
  }
  return said;
}

function truth(nodes: Iterable<string>): Map<string, string[]> {
  const there = new Map<string, string[]>();
  for (const path of [...nodes].sort()) {
    const [, root, name = "", id] = path.split("/");
    if (root !== "sd" || name === "") continue;
    const instances = there.get(name) ?? [];
    if (id !== undefined) instances.push(id);
    there.set(name, instances);
  }
  return there;
}

const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

/** Holds what the events have told, as a ledger does that never lets go without proof. */
function createWitness(run: ReturnType<typeof runModel>) {
  const ledger = createLedger(registrySettings({ protection: undefined, holdForMs: 1e12 }));
  ledger.beginRun();
  let taken = 0;
  let known = new Set<string>();
  /** Removed since it was last known to be both there and told. */
  const removed = new Set<string>();
  const present = () => new Set([...truth(run.model.dump().keys())].flatMap(([name, ids]) => ids.map((id) => `${name}/${id}`)));
  return {
    async watch(step: Step) {
      const before = present();
      await act(run, step);
      for (const gone of before.difference(present())) removed.add(gone);
      for (const event of run.events.slice(taken)) {
        taken++;
        ledger.apply(event, { wall: 0, mono: 0 });
        const told = ledger.groups().flatMap(({ service: { name }, instances }) => instances.map(({ id }) => `${name}/${id}`));
        for (const lost of known.difference(new Set(told))) assert.ok(removed.has(lost), `${lost} was taken away and is there`);
        known = new Set(told);
      }
      // All that was being read has been read.
      if (step.type === "pass" && step.ms >= 30) for (const id of known.intersection(present())) removed.delete(id);
    },
  };
}

for (const recursive of [true, false])
  test(`any history, ${recursive ? "recursive" : "one-shot"} watches`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: "max" }), async (steps) => {
        const run = runModel({ recursive });
        const witness = createWitness(run);
        for (const now of steps) await witness.watch(now);
        run.model.forbidden.clear();
        await witness.watch({ type: "pass", ms: 200_000 });
        assert.deepEqual(sorted(heard(run.events)), sorted(truth(run.model.dump().keys())));
        assert.deepEqual(run.events.at(-1), { type: "synced", evidence: { kind: "authoritative" } });
        await run.end();
      }),
      { numRuns: propertyRuns(100) },
    );
  });
