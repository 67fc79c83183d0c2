/** Files of other projects as people have them: what becomes of them, and what is said. `UPDATE_GOLDEN=1` rewrites the outputs. */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import { parseWorkload, validateWorkload } from "../../deploy/api/validate.ts";
import { divideReplicas } from "../../deploy/replicas/divide.ts";
import { convert } from "../../deploy/convert/convert.ts";

const GOLDEN = join(import.meta.dirname, "deploy-convert");
const read = (name: string) => readFile(join(GOLDEN, "in", name), "utf8");

for (const name of await readdir(join(GOLDEN, "in")))
  test(`${name} is converted as it was`, async () => {
    const { workloads, notes, others } = convert([{ name, text: await read(name) }]);
    const said = notes.map(({ place, what, message }) => `# ${place}  ${what}: ${message}`);
    const text = [
      ...said,
      `# ${others} others`,
      ...workloads.map((one) => `---\n${stringify(one, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd()}`),
      "",
    ].join("\n");
    const out = join(GOLDEN, "out", basename(name));
    if (process.env["UPDATE_GOLDEN"] === "1") await writeFile(out, text);
    assert.equal(text, await readFile(out, "utf8"));
  });

test("what is converted is a workload, unless a note says why not", async () => {
  for (const name of ["kubefed.yaml", "karmada.yaml"]) {
    const { workloads } = convert([{ name, text: await read(name) }]);
    assert.ok(workloads.length > 2);
    for (const workload of workloads) assert.ok("object" in parseWorkload(stringify(workload)), JSON.stringify(workload));
  }
  const { workloads, notes } = convert([{ name: "broken.yaml", text: await read("broken.yaml") }]);
  assert.ok(workloads.some((workload) => "problems" in validateWorkload(workload)));
  assert.ok(notes.some(({ place }) => place === "the result"));
});

test("preferences of KubeFed's user guide give the replicas of its user guide", async () => {
  const { workloads } = convert([{ name: "kubefed.yaml", text: await read("kubefed.yaml") }]);
  const [web] = workloads.map((one) => validateWorkload(one));
  assert.ok(web !== undefined && "object" in web && web.object.spec.replicas !== undefined);
  const { replicas } = web.object.spec;
  const { shares } = divideReplicas({
    replicas,
    clusters: ["eu-1", "us-1"],
    current: new Map(),
    capacity: new Map(),
    key: "shop/web",
  });
  assert.deepEqual(
    shares.map(({ replicas: n }) => n),
    [4, 5],
  );
});

test("no field of a policy goes by in silence", () => {
  const spec = {
    resourceSelectors: [{ apiVersion: "v1", kind: "ConfigMap", name: "a", later: 1 }],
    placement: { later: { deep: 2 } },
    later: [3],
  };
  const policy = { apiVersion: "policy.karmada.io/v1alpha1", kind: "PropagationPolicy", metadata: { name: "p" }, spec };
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
  const { notes } = convert([{ name: "x.yaml", text: [policy, map].map((one) => JSON.stringify(one)).join("\n---\n") }]);
  assert.deepEqual(
    notes.map(({ what }) => what),
    [
      "PropagationPolicy p spec.resourceSelectors[0].later",
      "PropagationPolicy p spec.placement.later",
      "PropagationPolicy p spec.later",
    ],
  );
});
