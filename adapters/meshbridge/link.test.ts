/** What a link makes of trouble on the other side. */
import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { suspect } from "../../src/model/evidence.ts";
import { record } from "../../src/registry/contract-recorder.ts";
import { selfSigned } from "../../test/support/certificate.ts";
import { LIVE, startExporter } from "./testing.ts";

const A = { address: "10.1.0.1", port: 9001 };
const B = { address: "10.1.0.2", port: 9002 };

async function linked(scope: AsyncDisposableStack) {
  const far = await startExporter(scope);
  far.put("web", [A, B]);
  const seen = record((signal) => far.watch(signal));
  scope.defer(async () => void (await seen.abort()));
  await seen.until(() => seen.synced > 0, "synced");
  return { far, seen };
}

test("a bridge that comes back empty, its registries not read yet, takes nothing away until it has read them", async () => {
  await using scope = new AsyncDisposableStack();
  const { far, seen } = await linked(scope);
  await far.down();
  far.remove("web");
  far.standing = { ...LIVE, synced: false, current: false, evidence: suspect("new-session") };
  await far.up();
  const before = seen.synced;
  await seen.until(() => seen.synced > before, "a marker of the one that came back");
  assert.deepEqual(seen.losses, []);
  far.standing = LIVE;
  far.server.restated();
  await seen.until(() => seen.endpoints("web") === undefined, "the service is gone, now that it is proven");
  assert.equal(seen.evidenceOf("web"), "authoritative");
});

test("what left while the other bridge cannot read its registry is in doubt", async () => {
  await using scope = new AsyncDisposableStack();
  const { far, seen } = await linked(scope);
  far.standing = { ...LIVE, current: false, evidence: suspect("partial-read") };
  far.put("web", [A]);
  await seen.until(() => seen.endpoints("web")?.length === 1, "the group without B");
  assert.equal(seen.evidenceOf("web"), "suspect");
});

test("an export that is withdrawn is gone by the operator's will", async () => {
  await using scope = new AsyncDisposableStack();
  const { far, seen } = await linked(scope);
  far.exports = ["other/*"];
  far.server.reconfigured();
  await seen.until(() => seen.endpoints("web") === undefined, "the service is gone");
  assert.equal(seen.evidenceOf("web"), "authoritative");
});

test("new credentials take over without a loss, and bad ones leave the connection of before", async () => {
  await using scope = new AsyncDisposableStack();
  const { far, seen } = await linked(scope);
  const stranger = selfSigned("bridge.c1.test");
  const swap = async (cert: string, key: string) => {
    for (const [name, text] of [
      ["key", key],
      ["cert", cert],
    ] as const) {
      await writeFile(join(far.dir, "new"), text);
      await rename(join(far.dir, "new"), join(far.dir, `${name}.pem`));
    }
  };
  await swap(stranger.cert, stranger.key);
  far.put("web", [A]);
  await seen.until(() => seen.endpoints("web")?.length === 1, "news over the connection of before");
  await swap(far.client.cert, far.client.key);
  far.put("web", [A, B]);
  await seen.until(() => seen.endpoints("web")?.length === 2, "news after the good ones are back");
  assert.deepEqual(seen.degraded, []);
  assert.deepEqual(seen.losses, ["web 10.1.0.2:9002"]);
});

test("a certificate of nobody is refused, with what to do", async () => {
  await using scope = new AsyncDisposableStack();
  const far = await startExporter(scope);
  const seen = record((signal) => far.watch(signal, { ...far.settings, peer: "elsewhere" }));
  await seen.until(() => seen.degraded.length > 0, "degraded");
  assert.match(seen.degraded[0]?.error.message ?? "", /it is the bridge of "far", not of elsewhere/);
  await seen.abort();
});

test("a link file says all of a link; removed in it, its instances drain and then leave", async () => {
  await using scope = new AsyncDisposableStack();
  const far = await startExporter(scope);
  far.put("web", [A]);
  const file = {
    link: 1,
    peer: "far",
    servers: far.settings.servers,
    ca: far.certificate.cert,
    cert: far.client.cert,
    key: far.client.key,
  };
  const write = (content: object) => writeFile(join(far.dir, "link.yaml"), JSON.stringify(content));
  await write(file);
  const seen = record((signal) => far.watch(signal, { linkFile: "link.yaml" }));
  scope.defer(async () => void (await seen.abort()));
  await seen.until(() => seen.synced > 0, "synced");
  await write({ ...file, removed: true });
  const drains = () => seen.groups()[0]?.instances[0]?.health === "draining";
  await seen.until(drains, "draining");
  await seen.until(() => seen.endpoints("web") === undefined, "gone");
});
