import assert from "node:assert/strict";
import { chmod, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { FederatedWorkload, Template } from "../api/schema/workload.ts";
import { startMembers } from "../engine/testing.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import { fetchDependencies } from "./dependencies.ts";
import { renderTemplate } from "./render.ts";

/** A folder with tools in it that do what the test says. */
async function rig(t: TestContext, tools: Readonly<Record<string, string>> = {}) {
  const dir = await mkdtempDisposable(join(tmpdir(), "templates-"));
  t.after(() => dir.remove());
  for (const [name, script] of Object.entries(tools)) {
    await writeFile(join(dir.path, name), `#!${process.execPath}\n${script}`);
    await chmod(join(dir.path, name), 0o755);
  }
  const render = (template: Template, signal = new AbortController().signal) => {
    const workload = { metadata: { name: "web", namespace: "shop" }, spec: { template } } as FederatedWorkload;
    return renderTemplate(workload, { file: join(dir.path, "web.yaml"), signal, env: { PATH: dir.path } });
  };
  const refused = async (template: Template, expected: RegExp) => {
    const error = await render(template).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof MeshbridgeError && error.code === "MB_DEPLOY_TEMPLATE", String(error));
    assert.match(error.message, expected);
  };
  return { dir: dir.path, render, refused };
}

/** Prints what it was given, as a manifest. */
const ECHO = `let input = "";
process.stdin.on("data", (part) => (input += part)).on("end", () => {
  console.log(JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "echo" }, data: { args: process.argv.slice(2).join(" "), input } }));
});`;

test("files: several documents and Lists are several manifests", async (t) => {
  const { dir, render } = await rig(t);
  const object = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`;
  await writeFile(join(dir, "a.yaml"), `${object("a")}---\n# nothing\n---\n${object("b")}`);
  await writeFile(
    join(dir, "b.yaml"),
    "kind: List\napiVersion: v1\nitems:\n- { apiVersion: v1, kind: Secret, metadata: { name: c } }\n",
  );
  const manifests = await render({ files: ["a.yaml", "b.yaml"] });
  assert.deepEqual(
    manifests.map((one) => textAt(one, "metadata", "name")),
    ["a", "b", "c"],
  );
});

const BAD_FILES: readonly (readonly [what: string, text: string, expected: RegExp])[] = [
  ["no YAML", "a: b\n c: d", /bad\.yaml:1:4: not YAML/],
  ["no object", "- 1", /bad\.yaml:1:1: it is no Kubernetes object/],
  ["no name", "a: 1\n---\napiVersion: v1\nkind: Secret\n", /bad\.yaml:\d/],
  ["nothing", "# empty\n", /it makes no object/],
  [
    "the same twice",
    "{apiVersion: v1, kind: A, metadata: {name: x}}\n---\n{apiVersion: v1, kind: A, metadata: {name: x}}",
    /A x is given twice/,
  ],
  ["ours", "{apiVersion: deploy.meshbridge.io/v1alpha1, kind: Cluster, metadata: {name: x}}", /cannot be deployed by another/],
  [
    "aliases without end",
    `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${Array(60).fill("*a")}]\nc: [${Array(60).fill("*b")}]`,
    /bad\.yaml:1:1: /,
  ],
];
for (const [what, text, expected] of BAD_FILES)
  test(`a file with ${what} is told with its place`, async (t) => {
    const { dir, refused } = await rig(t);
    await writeFile(join(dir, "bad.yaml"), text);
    await refused({ files: ["bad.yaml"] }, expected);
  });

test("a file that is not there is told", async (t) => {
  const { refused } = await rig(t);
  await refused({ files: ["none.yaml"] }, /none\.yaml.*there is no such file/);
});

test("kustomize is given the folder, from where the workload's file stands", async (t) => {
  const { dir, render } = await rig(t, { kubectl: ECHO });
  const [manifest] = await render({ kustomize: "overlays/prod" });
  assert.equal(textAt(manifest, "data", "args"), `kustomize ${dir}/overlays/prod`);
});

test("helm gets its values by standard input, and names that are no options", async (t) => {
  const { dir, render } = await rig(t, { helm: ECHO });
  const values = { "a.b": "x,y={1}", list: [1, 2] };
  const [manifest] = await render({ helm: { chart: "./chart", version: "1.2.3", release: "shop", values } });
  const options = "--namespace shop --include-crds --no-hooks --skip-tests --values=- --version=1.2.3 --";
  assert.equal(textAt(manifest, "data", "args"), `template ${options} shop ${dir}/chart`);
  assert.deepEqual(JSON.parse(textAt(manifest, "data", "input") ?? ""), values);
  const [hostile] = await render({ helm: { chart: "--post-renderer=/bin/sh" } });
  assert.match(textAt(hostile, "data", "args") ?? "", / -- web --post-renderer=\/bin\/sh$/);
});

test("a tool that is not installed is told with what to do", async (t) => {
  const { refused } = await rig(t);
  await refused({ helm: { chart: "./chart" } }, /helm is not installed here: install it, or render elsewhere.*template\.files/);
});

test("a tool that fails is told by its last words, and its output is not taken", async (t) => {
  const script = 'console.log("apiVersion: v1"); console.error("first\\nError: chart not found"); process.exit(3);';
  const { refused } = await rig(t, { helm: script });
  await refused({ helm: { chart: "x" } }, /helm template: .*Error: chart not found/);
});

test("a tool that writes without end is stopped", async (t) => {
  const { refused } = await rig(t, { kubectl: 'const s = "x".repeat(1 << 20); for (;;) require("fs").writeSync(1, s);' });
  await refused({ kustomize: "." }, /writes more than 64 MiB/);
});

test("a tool that hangs ends with the command", async (t) => {
  const { render } = await rig(t, { kubectl: "setInterval(() => {}, 1000);" });
  const stop = new AbortController();
  const rendering = render({ kustomize: "." }, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(rendering, /enough/);
});

test("dependencies are fetched with what they name, once each; only what is not there is no problem", async (t) => {
  const { clients, servers } = await startMembers(t, ["hub"]);
  const [hub, server] = [clients.get("hub"), servers.get("hub")];
  assert.ok(hub !== undefined && server !== undefined);
  const put = (plural: string, kind: string, name: string, rest: JsonObject = {}) =>
    server.put(`${plural}/shop/${name}`, { apiVersion: "v1", kind, metadata: { name, namespace: "shop" }, ...rest });
  put("serviceaccounts", "ServiceAccount", "web", { imagePullSecrets: [{ name: "registry" }] });
  put("secrets", "Secret", "registry");
  put("configmaps", "ConfigMap", "unrelated");
  const containers = [{ name: "web", envFrom: [{ configMapRef: { name: "none" } }] }];
  const web = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { template: { spec: { serviceAccountName: "web", containers } } },
  };
  const signal = new AbortController().signal;
  const { objects, problems } = await fetchDependencies(hub, [web], "shop", signal);
  assert.deepEqual([...objects.keys()], ["/ServiceAccount/shop/web", "/Secret/shop/registry"]);
  assert.deepEqual(problems, []);
  server.refuse(403, 1, ["GET"]);
  const blind = await fetchDependencies(hub, [web], "shop", signal);
  assert.equal(blind.problems.length, 1);
});
