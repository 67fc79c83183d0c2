import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Type } from "typebox";
import { defineAdapter } from "../../registry/adapter.ts";
import { runCommand } from "../testing/run.ts";

const granting = defineAdapter({
  kind: "granting",
  description: "A registry that needs rights.",
  schema: Type.Object({}),
  async *watch() {
    // Nobody runs it here.
  },
  rbac: (_config, { account, home }) => [{ kind: "ServiceAccount", metadata: account }, ...(home ? [{ kind: "Role" }] : [])],
});
const naming = defineAdapter({ ...granting, kind: "kubernetes", rbac: (_config, { secrets }) => [{ secrets }] });
const plain = { ...granting, kind: "plain" };
delete (plain as { rbac?: unknown }).rbac;

async function run(text: string, ...words: string[]) {
  const dir = await mkdtemp(join(tmpdir(), "meshbridge-rbac-"));
  try {
    const path = join(dir, "meshbridge.yaml");
    await writeFile(path, text);
    return await runCommand(["rbac", "-c", path, ...words], { deps: { adapters: [granting, plain, naming] } });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
const ONE = "registries: [{ kind: granting, name: k8s }, { kind: plain, name: other }]\n";

test("rbac: the objects as YAML documents, for the account asked for, with a word on the cluster", async () => {
  const { code, stdout } = await run(ONE, "--cluster", "eu-1", "--account", "reader", "-n", "ops", "--home");
  assert.equal(code, 0);
  assert.equal(
    stdout,
    "# For cluster eu-1, read as registry k8s.\nkind: ServiceAccount\nmetadata:\n  namespace: ops\n  name: reader\n---\nkind: Role\n",
  );
});

test("rbac: the Secrets that `secrets` names of this registry, and of this cluster where one is given", async () => {
  const of = (name: string, more: string) =>
    `  - { name: ${name}, kubernetes: { registry: k, namespace: shop, secret: ${name}${more} } }\n`;
  const text = `registries: [{ kind: kubernetes, name: k }]\nsecrets:\n${of("a", "")}${of("b", ", cluster: eu")}${of("c", ", cluster: us")}`;
  const named = async (...words: string[]) =>
    [...(await run(text, ...words)).stdout.matchAll(/name: (\w)\n/g)].map(([, one]) => one);
  assert.deepEqual(await named(), ["a", "b", "c"]);
  assert.deepEqual(await named("--cluster", "eu"), ["a", "b"]);
});

test("rbac: no or several registries that need rights, and an unknown name, are usage errors", async () => {
  for (const [text, words, said] of [
    ["registries: [{ kind: plain, name: other }]\n", [], /one of: none/],
    ["registries: [{ kind: granting, name: a }, { kind: granting, name: b }]\n", [], /one of: a, b/],
    [ONE, ["--registry", "other"], /"other" is none of: k8s/],
  ] as const) {
    const { code, stderr } = await run(text, ...words);
    assert.equal(code, 2);
    assert.match(stderr, said);
  }
});
