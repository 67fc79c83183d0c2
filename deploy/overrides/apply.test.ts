import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Override } from "../api/schema/overrides.ts";
import { applyJsonPatch } from "../json/rfc.ts";
import { type Json, type JsonObject, jsonEqual, valueAt } from "../json/value.ts";
import { cluster } from "../placement/testing.ts";
import { applyOverrides } from "./apply.ts";
import { overrideImage } from "./image.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { expandText } from "./variables.ts";

const DEPLOYMENT: JsonObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", labels: { app: "web" } },
  spec: {
    replicas: 1,
    template: {
      spec: {
        containers: [
          {
            name: "web",
            image: "example.com/shop/web:1",
            args: ["-v", "--slow"],
            env: [
              { name: "A", value: "1" },
              { name: "B", value: "2" },
            ],
          },
          { name: "log", image: "log:2" },
        ],
      },
    },
  },
};
const CONFIG: JsonObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web" }, data: { region: "?" } };
const EU = cluster("eu-1", { region: "eu", labels: { "team/name": "red" } });
const WEB = ["spec", "template", "spec", "containers", 0];

function apply(...rules: readonly Partial<Override>[]) {
  return applyOverrides(
    [DEPLOYMENT, CONFIG],
    rules.map((rule) => ({ patches: [], ...rule })),
    EU,
  );
}

function at(result: ReturnType<typeof apply>, path: readonly (string | number)[], manifest = 0): Json | undefined {
  assert.ok("manifests" in result, JSON.stringify(result));
  return valueAt(result.manifests[manifest], path);
}

function reasons(result: ReturnType<typeof apply>): string {
  return "problems" in result
    ? result.problems.map(({ rule, manifest, message }) => `${rule} ${manifest} ${message}`).join("\n")
    : "";
}

test("patches, merge, image, env and args, for the clusters they are for", () => {
  const before = structuredClone(DEPLOYMENT);
  const result = apply(
    { clusters: ["us-1"], merge: { spec: { paused: true } } },
    {
      clusters: ["eu-1"],
      patches: [{ op: "replace", path: "/spec/replicas", value: 4 }],
      merge: { metadata: { labels: { at: `\${CLUSTER}`, app: null } } },
    },
    { clusterSelector: {}, image: { container: "web", registry: "eu.example.com", tag: "2" } },
    { env: { B: `\${REGION}`, A: null, C: "3" }, args: { container: "web", append: [`--team=\${label:team/name}`] } },
    { target: { kind: "ConfigMap" }, merge: { data: { region: `\${REGION}` } } },
  );
  assert.equal(at(result, ["spec", "paused"]), undefined);
  assert.equal(at(result, ["spec", "replicas"]), 4);
  assert.deepEqual(at(result, ["metadata", "labels"]), { at: "eu-1" });
  assert.equal(at(result, [...WEB, "image"]), "eu.example.com/shop/web:2");
  assert.deepEqual(at(result, [...WEB, "env"]), [
    { name: "B", value: "eu" },
    { name: "C", value: "3" },
  ]);
  assert.deepEqual(at(result, ["spec", "template", "spec", "containers", 1, "env"]), [
    { name: "B", value: "eu" },
    { name: "C", value: "3" },
  ]);
  assert.deepEqual(at(result, [...WEB, "args"]), ["-v", "--slow", "--team=red"]);
  assert.equal(at(result, ["data", "region"], 1), "eu");
  assert.deepEqual(DEPLOYMENT, before);
});

const CONFLICTS: readonly (readonly [title: string, rules: readonly Partial<Override>[], reason: RegExp | undefined])[] = [
  [
    "the same path twice",
    [{ patches: [{ op: "replace", path: "/spec/replicas", value: 1 }] }, { merge: { spec: { replicas: 2 } } }],
    /writes \/spec\/replicas, which rule 1/,
  ],
  [
    "a path above",
    [{ merge: { spec: { strategy: { type: "Recreate" } } } }, { patches: [{ op: "remove", path: "/spec/strategy" }] }],
    /writes \/spec\/strategy/,
  ],
  [
    "image by patch and by parts",
    [{ patches: [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: "x" }] }, { image: { tag: "3" } }],
    /containers\/name=web\/image/,
  ],
  ["tag and digest", [{ image: { tag: "3" } }, { image: { digest: "sha256:1" } }], /image\/tag/],
  ["registry and tag are two things", [{ image: { tag: "3" } }, { image: { registry: "x.io" } }], undefined],
  ["two variables are two things", [{ env: { X: "1" } }, { env: { Y: "2" } }], undefined],
  ["one variable is one thing", [{ env: { X: "1" } }, { env: { X: "1" } }], /env\/name=X/],
  [
    "one variable by name and by index",
    [{ env: { A: "5" } }, { patches: [{ op: "replace", path: "/spec/template/spec/containers/0/env/0/value", value: "6" }] }],
    /env\/name=A/,
  ],
  [
    "shifting a list that another writes",
    [{ env: { A: "5" } }, { patches: [{ op: "remove", path: "/spec/template/spec/containers/0/env/1" }] }],
    /env/,
  ],
  ["for other clusters it does not count", [{ clusters: ["us-1"], env: { X: "1" } }, { env: { X: "2" } }], undefined],
  [
    "within one rule the order is meant",
    [
      {
        patches: [
          { op: "add", path: "/spec/x", value: 1 },
          { op: "replace", path: "/spec/x", value: 2 },
        ],
      },
    ],
    undefined,
  ],
];
for (const [title, rules, reason] of CONFLICTS)
  test(`two rules, one place: ${title}`, () => {
    if (reason === undefined) assert.equal(reasons(apply(...rules)), "");
    else assert.match(reasons(apply(...rules)), reason);
  });

test("what cannot be done is told with rule and manifest, and nothing is given out", () => {
  assert.match(
    reasons(apply({}, { patches: [{ op: "replace", path: "/spec/nope/x", value: 1 }] })),
    /^1 Deployment\/web no such property/,
  );
  assert.match(reasons(apply({ merge: { metadata: { labels: { a: `\${ZONE}` } } } })), /^0 undefined cluster eu-1 has no zone/);
  assert.match(reasons(apply({ merge: { a: `\${CLUSTR}` } })), /there is no variable "CLUSTR"; did you mean "CLUSTER"\?/);
  assert.match(reasons(apply({ target: { kind: "Job" }, merge: {} })), /matches no manifest/);
  assert.match(
    reasons(apply({ patches: [{ op: "replace", path: `/metadata/\${label:team~1name}`, value: 1 }] })),
    /has no label/,
  );
  assert.match(reasons(apply({ merge: { metadata: { name: "other" } } })), /would make another object/);
  assert.match(reasons(apply({ patches: [{ op: "add", path: "/__proto__/x", value: 1 }] })), /__proto__ is no field/);
  assert.match(reasons(apply({ patches: [{ op: "test", path: "/spec/replicas", value: 7 }] })), /test failed/);
});

test("a variable may not make a guarded path", () => {
  const named = cluster("name", {});
  const result = applyOverrides(
    [DEPLOYMENT],
    [{ patches: [{ op: "replace", path: `/metadata/\${CLUSTER}`, value: "x" }] }],
    named,
  );
  assert.match(reasons(result), /would change \/metadata\/name/);
});

test("variables", () => {
  assert.deepEqual(expandText(`$\${CLUSTER} \${CLUSTER} $(POD) $HOME`, EU), { text: `\${CLUSTER} eu-1 $(POD) $HOME` });
  assert.ok("reason" in expandText(`\${label:none}`, EU));
});

const IMAGES: readonly (readonly [from: string, change: Parameters<typeof overrideImage>[1], to: string])[] = [
  ["nginx", { tag: "1" }, "nginx:1"],
  ["nginx:1", { registry: "localhost:5000" }, "localhost:5000/nginx:1"],
  ["localhost:5000/a/b:1@sha256:x", { tag: "2" }, "localhost:5000/a/b:2"],
  ["a.io/b:1", { digest: "sha256:y" }, "a.io/b@sha256:y"],
  ["a.io/b:1", { repository: "c/d" }, "a.io/c/d:1"],
  ["library/b", { registry: "a.io" }, "a.io/library/b"],
];
for (const [from, change, to] of IMAGES) test(`image ${from} to ${to}`, () => assert.equal(overrideImage(from, change), to));

// RFC 7386, appendix A.
const MERGES: readonly (readonly [target: Json, patch: Json, result: Json])[] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];
for (const [target, patch, result] of MERGES)
  test(`merge ${JSON.stringify(patch)} into ${JSON.stringify(target)}`, () =>
    assert.deepEqual(applyMergePatch(target, patch), result));

test("a hostile merge key stays a key", () => {
  const merged = applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":1}}') as Json);
  assert.deepEqual(Object.keys(merged as JsonObject), ["__proto__"]);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

test("a patch never changes what it was given", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("/spec/replicas", "/metadata/labels/app", "/spec/template/spec/containers/0"),
      fc.jsonValue(),
      (path, value) => {
        const before = structuredClone(DEPLOYMENT);
        const changed = applyJsonPatch(DEPLOYMENT, [{ op: "replace", path, value: value as Json }]);
        assert.ok("result" in changed);
        assert.deepEqual(DEPLOYMENT, before);
        assert.ok(jsonEqual(valueAt(changed.result, path.slice(1).split("/")), value as Json));
      },
    ),
  );
});
