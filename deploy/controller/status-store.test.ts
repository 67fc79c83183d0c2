import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startMembers } from "../engine/testing.ts";
import { type JsonObject, valueAt } from "../json/value.ts";
import { beginRollout } from "../rollout/step.ts";
import { createStatusStore } from "./status-store.ts";

const PLACE = "federatedworkloads/shop/web";
const state = (revision: string) => ({ rollout: beginRollout(undefined, revision), removals: [] });

async function rig(t: TestContext) {
  const { clients, servers } = await startMembers(t, ["hub"]);
  const server = servers.get("hub") ?? assert.fail();
  const client = clients.get("hub") ?? assert.fail();
  const metadata = { name: "web", namespace: "shop" };
  server.put(PLACE, { apiVersion: "deploy.meshbridge.io/v1alpha1", kind: "FederatedWorkload", metadata, spec: { a: 1 } });
  const open = (epoch: number | undefined) => createStatusStore({ client, workload: "shop/web", epoch, object: undefined });
  const kept = () => valueAt(server.objects.get(PLACE), ["status", "rollout"]) as JsonObject;
  return { server, open, kept };
}

test("a state is kept with its epoch, and the rest of the status beside it", async (t) => {
  const { server, open, kept } = await rig(t);
  const store = open(3);
  assert.equal(await store.load(t.signal), undefined);
  await store.save(state("a1"), t.signal);
  await store.tell({ observedGeneration: 4 }, t.signal);
  await store.save(state("a2"), t.signal);
  assert.deepEqual(kept(), { ...state("a2"), epoch: 3 } as unknown as JsonObject);
  assert.equal(valueAt(server.objects.get(PLACE), ["status", "observedGeneration"]), 4);
  assert.deepEqual(await open(3).load(t.signal), state("a2"));
});

test("one that has not seen what another kept is refused by the API server", async (t) => {
  const { open, kept } = await rig(t);
  const [stale, next] = [open(3), open(4)];
  await stale.load(t.signal);
  await next.load(t.signal);
  await next.save(state("a2"), t.signal);
  await assert.rejects(stale.save(state("a1"), t.signal), /MB_DEPLOY_TAKEN_OVER/);
  await assert.rejects(stale.tell({ observedGeneration: 9 }, t.signal), /MB_DEPLOY_TAKEN_OVER/);
  assert.deepEqual(kept(), { ...state("a2"), epoch: 4 } as unknown as JsonObject);
});

test("one of an earlier epoch that looks anew learns that it leads no more", async (t) => {
  const { open, kept } = await rig(t);
  const next = open(4);
  await next.load(t.signal);
  await next.save(state("a2"), t.signal);
  await assert.rejects(open(3).load(t.signal), /MB_DEPLOY_TAKEN_OVER/);
  assert.equal(kept()["epoch"], 4);
});

test("a new epoch is written before anything is done in it, where something is under way", async (t) => {
  const { open, kept } = await rig(t);
  const first = open(3);
  await first.load(t.signal);
  await first.save(state("a1"), t.signal);
  await open(5).load(t.signal);
  assert.equal(kept()["epoch"], 5);
  const done = { ...state("a1"), rollout: { ...state("a1").rollout, phase: "Succeeded" as const } };
  const third = open(5);
  await third.load(t.signal);
  await third.save(done, t.signal);
  await open(6).load(t.signal);
  assert.equal(kept()["epoch"], 5, "at rest nothing is written");
});

test("people's words keep the epoch that is there", async (t) => {
  const { open, kept } = await rig(t);
  const leader = open(3);
  await leader.load(t.signal);
  await leader.save(state("a1"), t.signal);
  const person = open(undefined);
  await person.load(t.signal);
  await person.save(
    { ...state("a1"), rollout: { ...state("a1").rollout, phase: "Paused", pausedFrom: "Progressing" } },
    t.signal,
  );
  assert.equal(kept()["epoch"], 3);
});

test("templates lie in Secrets of the workload, and go when no state names them", async (t) => {
  const { server, open } = await rig(t);
  const store = open(3);
  await store.load(t.signal);
  const template = (revision: string) => ({ revision, manifests: [{ kind: "ConfigMap", data: { a: revision } }], overrides: [] });
  for (const revision of ["a1", "a2", "a1"]) await store.keepTemplate(template(revision), t.signal);
  assert.deepEqual(await store.template("a1", t.signal), template("a1"));
  assert.equal(await store.template("a3", t.signal), undefined);
  await store.prune(new Set(["a2"]), t.signal);
  const secrets = [...server.objects.keys()].filter((key) => key.startsWith("secrets/"));
  assert.deepEqual(secrets, ["secrets/shop/web-template-a2"]);
});

test("a status that is no state is refused, not guessed at", async (t) => {
  const { server, open } = await rig(t);
  const object = server.objects.get(PLACE) as JsonObject;
  server.put(PLACE, { ...object, status: { rollout: { rollout: { phase: "Succeeded" } } } });
  await assert.rejects(open(3).load(t.signal), /MB_DEPLOY_STATE/);
});
