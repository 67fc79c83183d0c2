import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { conditionPatch, GATE, podView } from "./pod-object.ts";

const condition = (type: string, status: string) => ({ type, status });
const pod = (more: { gates?: readonly string[]; conditions?: readonly object[]; metadata?: object }) => ({
  metadata: { uid: "u1", ...more.metadata },
  spec: { readinessGates: (more.gates ?? []).map((conditionType) => ({ conditionType })) },
  status: { conditions: more.conditions ?? [] },
});

test("ready: containers ready and every other gate, whatever ours says", () => {
  const conditions = [condition("ContainersReady", "True"), condition("Ready", "False"), condition(GATE, "False")];
  const view = podView(pod({ gates: [GATE], conditions }));
  assert.deepEqual(view, {
    ...{
      uid: "u1",
      readiness: { ready: true, known: true, reason: undefined },
      leaving: false,
      gated: true,
      registered: "False",
    },
  });
  const other = podView(pod({ gates: [GATE, "x.io/lb"], conditions }));
  assert.deepEqual(other?.readiness, { ready: false, known: true, reason: "x.io/lb is not True" });
});

test("not ready without conditions; leaving when it is being deleted", () => {
  const view = podView(pod({ metadata: { deletionTimestamp: "2026-11-24T12:00:00Z" } }));
  assert.deepEqual(view?.readiness, { ready: false, known: true, reason: "ContainersReady is not True" });
  assert.deepEqual([view?.leaving, view?.gated, view?.registered], [true, false, undefined]);
});

test("whatever the server sends, nothing is thrown", () => {
  assert.equal(podView({ metadata: {} }), undefined);
  fc.assert(
    fc.property(fc.anything(), fc.anything(), (spec, status) => {
      assert.equal(podView({ metadata: { uid: "u" }, spec, status })?.uid, "u");
    }),
  );
});

test("the patch names the Pod's UID, so that it fails for a later Pod of the name", () => {
  assert.deepEqual(conditionPatch("u1", true, "T"), {
    metadata: { uid: "u1" },
    status: {
      conditions: [
        {
          ...{ type: GATE, status: "True", lastTransitionTime: "T", reason: "Registered" },
          message: "Every registry has the instance, and its readers see it.",
        },
      ],
    },
  });
});
