/** The examples of the documentation are what the bridge takes, and what they say of each service is true. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { file } from "../../adapters/file/index.ts";
import { parseConfig } from "../../src/config/load.ts";

const folder = join(import.meta.dirname, "../../examples/clusters");
const load = async (name: string) =>
  parseConfig(await readFile(join(folder, name), "utf8"), { path: name, adapters: [file], env: {}, flags: new Map() });

test("every example of joined clusters is a valid configuration", async () => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml") && name !== "services.yaml");
  assert.deepEqual(names.sort(), ["cilium.yaml", "consul.yaml", "istio.yaml", "linkerd.yaml"]);
  for (const name of names) {
    const { traffic } = await load(name);
    assert.equal(traffic.policyOf({ namespace: "shop", name: "web" }).tls, "mutual", name);
    assert.equal(traffic.topology.exportOf({ namespace: "shop", name: "web" }).to.size > 0, true, name);
  }
});

test("the examples use what their pages are about", async () => {
  const web = { namespace: "shop", name: "web" };
  assert.equal((await load("istio.yaml")).traffic.topology.sniOf("n2").dialect, "istio");
  assert.equal((await load("linkerd.yaml")).traffic.policyOf(web).mirrors, true);
  assert.equal((await load("consul.yaml")).traffic.topology.sniOf("n2").dialect, "consul");
  assert.equal((await load("cilium.yaml")).traffic.policyOf(web).affinity, "local");
});
