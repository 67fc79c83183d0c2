import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Policy } from "../api/schema/workload.ts";
import { type JsonObject, valueAt, withKey } from "../json/value.ts";
import { decideUnwanted, decideWanted } from "./decide.ts";
import { diffFields } from "./field-diff.ts";
import { fieldManager, marked, usedByAnnotation, usersOf } from "./ownership.ts";
import { parseQuantity, quantitiesEqual } from "./quantity.ts";
import { applied, POLICY, updated } from "./testing.ts";

const WORKLOAD = "shop/web";
const MANAGER = fieldManager(WORKLOAD);

function deployment(spec: JsonObject = {}, container: JsonObject = {}): JsonObject {
  const containers = [{ name: "web", image: "web:1", ports: [{ containerPort: 80 }], ...container }];
  const manifest = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "shop" },
    spec: { replicas: 3, template: { spec: { containers } }, ...spec },
  };
  return marked(manifest, WORKLOAD, "r1");
}

const decide = (wanted: JsonObject, live: JsonObject | undefined, policy: Partial<Policy> = {}) =>
  decideWanted(wanted, live, { cluster: "eu-1", workload: WORKLOAD, policy: { ...POLICY, ...policy } });
const live = (manifest = deployment()) => applied(undefined, manifest, MANAGER);
const paths = (action: ReturnType<typeof decide>) => action.diffs.map(({ path, change }) => `${change} ${path}`);

test("created when it is missing, left when it is as wanted", () => {
  assert.deepEqual([decide(deployment(), undefined).verb, decide(deployment(), undefined).reason], ["create", "Missing"]);
  assert.deepEqual([decide(deployment(), live()).verb, decide(deployment(), live()).reason], ["none", "InSync"]);
});

test("what an API server adds and writes in its own way is no difference", () => {
  const wanted = deployment({}, { resources: { limits: { cpu: "1000m", memory: "1024Mi" } }, args: null });
  let there = applied(undefined, wanted, MANAGER);
  there = applied(
    there,
    {
      spec: {
        template: {
          spec: {
            containers: [
              { name: "web", resources: { limits: { cpu: "1", memory: "1Gi" } }, terminationMessagePath: "/dev/termination-log" },
            ],
          },
        },
      },
    },
    MANAGER,
  );
  there = applied(there, wanted, MANAGER);
  const spec = JSON.parse(JSON.stringify(there).replace("1000m", "1").replace("1024Mi", "1Gi")) as JsonObject;
  assert.equal(decide(wanted, withKey(spec, "status", { replicas: 3 })).verb, "none");
});

test("what an API server drops because it is empty is no difference; an empty map that means something is", () => {
  const wanted: JsonObject = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "shop", annotations: {} },
    spec: {
      template: {
        spec: {
          nodeSelector: {},
          containers: [{ name: "web", ports: [], resources: { limits: {} } }],
          volumes: [{ name: "v", emptyDir: {} }],
        },
      },
    },
  };
  const live = (volume: JsonObject): JsonObject => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "shop" },
    spec: { template: { spec: { containers: [{ name: "web", resources: {} }], volumes: [{ name: "v", ...volume }] } } },
  });
  assert.deepEqual(diffFields(wanted, live({ emptyDir: {} }), "m"), []);
  assert.equal(diffFields(wanted, live({ hostPath: { path: "/x" } }), "m").length, 1);
});

test("changed fields, added ones, and fields that we dropped", () => {
  const before = deployment(
    { paused: true },
    {
      env: [
        { name: "A", value: "1" },
        { name: "B", value: "2" },
      ],
    },
  );
  const after = deployment({ replicas: 4, minReadySeconds: 5 }, { image: "web:2", env: [{ name: "B", value: "2" }] });
  const action = decide(after, live(before));
  assert.deepEqual([action.verb, action.reason, action.force], ["update", "Changed", true]);
  assert.deepEqual(paths(action).toSorted(), [
    "remove /spec/paused",
    "remove /spec/template/spec/containers/0/env/0",
    "set /spec/minReadySeconds",
    "set /spec/replicas",
    "set /spec/template/spec/containers/0/image",
  ]);
});

test("what others have added stays theirs", () => {
  const foreign = {
    metadata: { annotations: { "other.io/x": "1" } },
    spec: { template: { spec: { containers: [{ name: "sidecar", image: "s" }] } } },
  };
  assert.equal(decide(deployment(), applied(live(), foreign, "injector")).verb, "none");
});

const drifted = () => updated(live(), "replicas", 9, "kubectl-edit");

test("drift is corrected, reported or ignored", () => {
  const correct = decide(deployment(), drifted());
  assert.deepEqual([correct.verb, correct.reason, correct.force], ["update", "Drifted", true]);
  assert.deepEqual(correct.diffs, [
    { path: "/spec/replicas", change: "set", from: 9, to: 3, owners: ["kubectl-edit"], applied: true },
  ]);
  assert.match(correct.message, /\/spec\/replicas changed by kubectl-edit; corrected/);
  const report = decide(deployment(), drifted(), { whenDrifted: "Report" });
  assert.deepEqual([report.verb, report.reason, report.diffs[0]?.applied], ["none", "DriftReported", false]);
  const ignore = decide(deployment(), drifted(), { whenDrifted: "Ignore" });
  assert.deepEqual([ignore.verb, ignore.reason, ignore.diffs], ["none", "DriftIgnored", []]);
});

test("with drift that is left, our own changes are applied without it", () => {
  const action = decide(deployment({}, { image: "web:2" }), drifted(), { whenDrifted: "Report" });
  assert.deepEqual([action.verb, action.force], ["update", false]);
  assert.equal(valueAt(action.manifest, ["spec", "replicas"]), undefined);
  assert.equal(valueAt(action.manifest, ["spec", "template", "spec", "containers", 0, "image"]), "web:2");
});

test("an ignored field is sent as it is until somebody else owns it, and never after", () => {
  const ignoreFields = [{ kind: "Deployment", path: "/spec/replicas" }];
  const wanted = deployment({ replicas: 5 }, { image: "web:2" });
  const before = decide(wanted, live(), { ignoreFields });
  assert.deepEqual(paths(before), ["set /spec/template/spec/containers/0/image"]);
  // Not sending what only we own would make it fall to 1.
  assert.equal(valueAt(before.manifest, ["spec", "replicas"]), 3);
  const after = decide(wanted, updated(live(), "replicas", 9, "autoscaler"), { ignoreFields });
  assert.deepEqual(paths(after), ["set /spec/template/spec/containers/0/image"]);
  assert.equal(valueAt(after.manifest, ["spec", "replicas"]), undefined);
  assert.equal(decide(wanted, undefined, { ignoreFields }).manifest, wanted);
});

test("an ignored field of a list's item", () => {
  const ignoreFields = [{ path: "/spec/template/spec/containers/*/image" }];
  assert.equal(decide(deployment({}, { image: "web:2" }), live(), { ignoreFields }).verb, "none");
});

const FOREIGN = applied(
  undefined,
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "shop" },
    spec: { replicas: 3, template: { spec: { containers: [{ name: "web", image: "web:1", ports: [{ containerPort: 80 }] }] } } },
  },
  "helm",
);
const ADOPTION: readonly (readonly [policy: Policy["whenAlreadyExists"], wanted: JsonObject, verb: string])[] = [
  ["TakeOverIfNoDiff", deployment(), "update"],
  ["TakeOverIfNoDiff", deployment({ replicas: 4 }), "blocked"],
  ["TakeOver", deployment({ replicas: 4 }), "update"],
  ["Fail", deployment(), "blocked"],
];
for (const [whenAlreadyExists, wanted, verb] of ADOPTION)
  test(`an object of others, ${whenAlreadyExists}: ${verb}`, () => {
    const action = decide(wanted, FOREIGN, { whenAlreadyExists });
    assert.deepEqual([action.verb, action.reason], [verb, verb === "update" ? "Adopted" : "AlreadyExists"]);
    assert.match(action.message, /belongs to somebody else/);
  });

test("another workload's object is told as such", () => {
  const theirs = applied(
    undefined,
    marked({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } }, "shop/api", "r"),
    fieldManager("shop/api"),
  );
  const action = decide(
    marked({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" }, data: { a: "1" } }, WORKLOAD, "r"),
    theirs,
  );
  assert.match(action.message, /belongs to the workload shop\/api, and differs in \/data/);
});

test("a Secret's values are not shown", () => {
  const secret = (value: string) =>
    marked({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { key: value } }, WORKLOAD, "r");
  const action = decide(secret("bmV3"), applied(undefined, secret("b2xk"), MANAGER));
  assert.deepEqual([action.diffs[0]?.from, action.diffs[0]?.to], ["(secret)", "(secret)"]);
});

test("leaving: deleted, released when shared or orphaned, untouched when not ours or on its way out", () => {
  const leave = (object: JsonObject, policy: Partial<Policy> = {}) =>
    decideUnwanted(object, { cluster: "eu-1", workload: WORKLOAD, policy: { ...POLICY, ...policy } });
  const mine = withKey(live(), "metadata", { ...(live()["metadata"] as JsonObject), uid: "u-1" });
  assert.deepEqual([leave(mine)?.verb, leave(mine)?.uid], ["delete", "u-1"]);
  assert.equal(leave(mine, { whenDeleted: "Orphan" })?.reason, "Orphaned");
  assert.equal(leave(FOREIGN), undefined);
  const shared = applied(
    live(),
    { metadata: { annotations: { [usedByAnnotation("shop/api")]: "shop/api" } } },
    fieldManager("shop/api"),
  );
  assert.deepEqual(usersOf(shared), ["shop/api", "shop/web"]);
  assert.deepEqual([leave(shared)?.verb, leave(shared)?.reason], ["release", "UsedByOthers"]);
  const going = withKey(mine, "metadata", { ...(mine["metadata"] as JsonObject), deletionTimestamp: "2026-01-01T00:00:00Z" });
  assert.equal(leave(going)?.verb, "none");
  assert.equal(decide(deployment(), going).reason, "BeingDeleted");
});

test("quantities", () => {
  for (const [a, b] of [
    ["1000m", "1"],
    ["1Gi", "1024Mi"],
    ["0.5", "500m"],
    ["1e3", "1k"],
    ["1.5Gi", "1536Mi"],
  ] as const)
    assert.ok(quantitiesEqual(a, b), `${a} ${b}`);
  assert.ok(!quantitiesEqual("1", "1k"));
  assert.ok(!quantitiesEqual("a", "a"));
  assert.equal(parseQuantity("12Mi"), 12 * 2 ** 20);
});

const anyContainer = fc.record(
  {
    image: fc.constantFrom("a:1", "b:2"),
    env: fc.uniqueArray(fc.record({ name: fc.constantFrom("A", "B", "C"), value: fc.constantFrom("1", "2") }), {
      selector: ({ name }) => name,
    }),
    args: fc.array(fc.constantFrom("-x", "-y"), { maxLength: 2 }),
    ports: fc.uniqueArray(fc.record({ containerPort: fc.constantFrom(80, 81) }), {
      selector: ({ containerPort }) => containerPort,
    }),
  },
  { requiredKeys: ["image"] },
);
const anySpec = fc.record(
  {
    replicas: fc.nat(3),
    paused: fc.boolean(),
    strategy: fc.constantFrom({ type: "Recreate" }, { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } }),
  },
  { requiredKeys: [] },
);

test("what was applied is as wanted: a second plan is empty, whatever was there and whoever changed it", () => {
  fc.assert(
    fc.property(anySpec, anyContainer, anySpec, anyContainer, fc.boolean(), (specA, containerA, specB, containerB, edited) => {
      let object = live(deployment(specA, containerA));
      if (edited) object = updated(object, "replicas", 99, "someone");
      const wanted = deployment(specB, containerB);
      const first = decide(wanted, object);
      if (first.verb === "update" && first.manifest !== undefined) object = applied(object, first.manifest, MANAGER);
      const second = decide(wanted, object);
      assert.equal(second.verb, "none", JSON.stringify(second.diffs));
    }),
    { numRuns: 500 },
  );
});
