/** One Secret over a model of the API server: what it holds, and why when that cannot be told. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { createModelApi } from "../../src/kubernetes/testing.ts";
import type { SecretContent } from "../../src/registry/adapter.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { eventually } from "../../test/support/eventually.ts";
import { watchSecret } from "./follow-secret.ts";

const PATH = "/api/v1/namespaces/shop/secrets";
const secret = (value: string) => ({
  metadata: { namespace: "shop", name: "web" },
  data: { "tls.crt": Buffer.from(value).toString("base64") },
});

async function followed(scope: AsyncDisposableStack, clusters: readonly string[], cluster?: string) {
  const dir = await mkdtemp(join(tmpdir(), "meshbridge-secret-"));
  scope.defer(() => rm(dir, { recursive: true, force: true }));
  for (const name of clusters) await writeFile(join(dir, `${name}.yaml`), name);
  const api = createModelApi();
  const stop = new AbortController();
  const context = {
    name: "k8s",
    settings: registrySettings(),
    baseDir: dir,
    signal: stop.signal,
    log: silentLog,
    clock: systemClock,
  };
  const said: string[] = [];
  const connected: string[] = [];
  const connect = async (kubeconfig: string) => {
    connected.push(kubeconfig);
    return { ...api, close: () => connected.push(`closed ${kubeconfig}`) };
  };
  const show = (content: SecretContent) =>
    "reason" in content ? content.reason : String(Buffer.from(content.data.get("tls.crt") ?? []));
  const config = { clusters: clusters.map((name) => ({ kubeconfig: `${name}.yaml` })) };
  const request = { cluster, namespace: "shop", name: "web" };
  const run = (async () => {
    const surroundings = { context: { ...context, random: () => 0 }, connect };
    for await (const content of watchSecret(config, request, surroundings)) said.push(show(content));
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  scope.defer(async () => {
    stop.abort(new Error("end"));
    await run;
  });
  const last = (what: string, expected: string | RegExp) =>
    eventually(what, () =>
      typeof expected === "string" ? assert.equal(said.at(-1), expected) : assert.match(said.at(-1) ?? "", expected),
    );
  return { api, said, connected, last, write: (name: string, text: string) => writeFile(join(dir, `${name}.yaml`), text) };
}

test("a Secret that is not there, comes, changes, is refused for a while, and goes", async () => {
  await using scope = new AsyncDisposableStack();
  const { api, last } = await followed(scope, ["eu"]);
  await last("missing", "the Secret shop/web is not there");
  api.put(PATH, secret("one"));
  await last("there", "one");
  api.put(PATH, secret("two"));
  await last("changed", "two");
  api.refuseWith({ status: 403, reason: "forbidden" });
  await last("refused", /forbidden/);
  api.put(PATH, secret("three"));
  api.refuseWith(undefined);
  await last("again", "three");
  api.remove(PATH, "shop", "web");
  await last("gone", "the Secret shop/web is not there");
});

test("the cluster by its name; a new kubeconfig connects anew", async () => {
  await using scope = new AsyncDisposableStack();
  const { api, connected, last, write } = await followed(scope, ["eu", "us"], "us");
  api.put(PATH, secret("one"));
  await last("there", "one");
  assert.deepEqual(connected, ["us"]);
  await write("us", "us of another time");
  await eventually("it connects anew", () => assert.deepEqual(connected, ["us", "closed us", "us of another time"]));
});

for (const [clusters, cluster, reason] of [
  [["eu", "us"], undefined, "the registry has several clusters, so `cluster` must name one of: eu, us"],
  [["eu"], "us", "the registry has no cluster us; it has: eu"],
] as const)
  test(`said instead of content: ${reason}`, async () => {
    await using scope = new AsyncDisposableStack();
    const { last } = await followed(scope, clusters, cluster);
    await last("the reason", reason);
  });
