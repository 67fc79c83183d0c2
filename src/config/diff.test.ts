import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConfigDiff, diffConfig } from "./diff.ts";
import { configOf } from "./testing.ts";

const BASE = `
registries:
  - { kind: file, name: a, path: x.yaml }
  - { kind: file, name: b, path: y.yaml }
`;
const NOTHING = { added: [], changed: [], removed: [], reordered: false, traffic: false, logLevel: false, needsRestart: [] };

function flat({ registries, ...others }: ConfigDiff) {
  return {
    ...others,
    added: registries.added.map(({ name }) => name),
    changed: registries.changed.map(({ name }) => name),
    removed: registries.removed,
    reordered: registries.reordered,
  };
}

for (const [title, text, want] of [
  ["nothing but a comment", `# comment${BASE}`, {}],
  ["a registry more", `${BASE}  - { kind: file, name: c, path: z.yaml }\n`, { added: ["c"] }],
  ["a registry less", "registries:\n  - { kind: file, name: b, path: y.yaml }\n", { removed: ["a"] }],
  ["another path", BASE.replace("x.yaml", "z.yaml"), { changed: ["a"] }],
  ["another kind", BASE.replace("kind: file, name: a, path: x.yaml", "kind: consul, name: a"), { changed: ["a"] }],
  ["a setting of one registry", BASE.replace("path: x.yaml", "path: x.yaml, holdFor: 1m"), { changed: ["a"] }],
  [
    "another order",
    BASE.replace("name: a, path: x", "name: B")
      .replace("name: b, path: y", "name: a, path: x")
      .replace("name: B", "name: b, path: y"),
    { reordered: true },
  ],
  ["a policy", `${BASE}services: [ { match: "*", loadBalancer: random } ]\n`, { traffic: true }],
  ["the log's level", `${BASE}log: { level: debug }\n`, { logLevel: true }],
  [
    "a port",
    `${BASE}xds: { listen: 127.0.0.1:1 }\nadmin: { listen: 127.0.0.1:2 }\n`,
    { needsRestart: ["xds.listen", "admin.listen"] },
  ],
  // Instances that do not say otherwise are in the mesh's cluster: every registry tells them anew.
  ["the cluster", `${BASE}mesh: { cluster: c2 }\n`, { changed: ["a", "b"], needsRestart: ["mesh.cluster"] }],
] as const)
  test(`${title} changes ${Object.keys(want).join(", ") || "nothing"}`, () => {
    assert.deepEqual(flat(diffConfig(configOf(BASE), configOf(text))), { ...NOTHING, ...want });
  });
