/** `meshbridge link`: files that hold keys are made with care, and checks say why a link does not work. */
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { meshbridge } from "../../../adapters/meshbridge/index.ts";
import { startExporter } from "../../../adapters/meshbridge/testing.ts";
import { authority, issue, selfSigned } from "../../../test/support/certificate.ts";
import { tempDir } from "../../../test/support/temp.ts";
import { systemClock } from "../../kernel/clock.ts";
import { runCommand } from "../testing/run.ts";

const LINKS = { deps: { adapters: [meshbridge] }, clock: systemClock };

/** A folder with `ca.pem`, `cert.pem`, `key.pem`, and the words that make a link of them. */
async function parts(scope: AsyncDisposableStack) {
  const dir = await tempDir(scope, "link-cli");
  const ca = authority("peer-ca");
  const client = issue({ names: ["spiffe://eu-1.test/bridge", "bridge.eu-1.test"] });
  const path = (name: string) => join(dir, name);
  for (const [name, text] of Object.entries({ ca: ca.cert, cert: client.cert, key: client.key }))
    await writeFile(path(`${name}.pem`), text);
  const words = ["link", "create", "--peer", "eu-2", "--server", "gw.eu-2.test:15443"];
  const files = ["--ca", path("ca.pem"), "--cert", path("cert.pem"), "--key", path("key.pem")];
  return { dir, path, client, words: [...words, ...files] };
}

test("create prints a link file, and on stderr what the other side has to say", async () => {
  await using scope = new AsyncDisposableStack();
  const { words, client } = await parts(scope);
  const { code, stdout, stderr } = await runCommand([...words, "--server-name", "bridge.mesh.mesh.local"]);
  assert.equal(code, 0, stderr);
  const file = parse(stdout);
  assert.deepEqual(
    [file.link, file.peer, file.servers, file.serverName],
    [1, "eu-2", ["gw.eu-2.test:15443"], "bridge.mesh.mesh.local"],
  );
  assert.equal(file.key, client.key);
  assert.match(stderr, /identities: \["URI:spiffe:\/\/eu-1\.test\/bridge","DNS:bridge\.eu-1\.test"\]/);
  assert.doesNotMatch(stderr, /PRIVATE KEY/);
});

test("a file is its owner's alone and never overwritten; a Secret has it as one key", async () => {
  await using scope = new AsyncDisposableStack();
  const { words, path } = await parts(scope);
  const out = path("link.yaml");
  assert.equal((await runCommand([...words, "--out", out])).code, 0);
  assert.equal((await stat(out)).mode & 0o777, 0o600);
  const before = await readFile(out, "utf8");
  const again = await runCommand([...words, "--out", out]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /MB_LINK_FILE.*EEXIST/);
  assert.equal(await readFile(out, "utf8"), before);
  const secret = parse((await runCommand([...words, "--secret", "to-eu-2", "-n", "mesh"])).stdout);
  assert.deepEqual([secret.kind, secret.metadata.name, secret.metadata.namespace], ["Secret", "to-eu-2", "mesh"]);
  assert.equal(secret.stringData["link.yaml"], before);
});

for (const [what, change, expected] of [
  [
    "a key of another certificate",
    async (path: (name: string) => string) => writeFile(path("key.pem"), selfSigned("x").key),
    /does not belong/,
  ],
  ["no certificate", async (path: (name: string) => string) => writeFile(path("cert.pem"), "nothing"), /no PEM/],
  ["no authority", async (path: (name: string) => string) => writeFile(path("ca.pem"), selfSigned("x").key), /ca\.pem.*no PEM/],
  [
    "a certificate that has ended",
    async (path: (name: string) => string) => {
      const { cert, key } = issue({ names: ["bridge.eu-1.test"], days: -1 });
      await writeFile(path("cert.pem"), cert);
      await writeFile(path("key.pem"), key);
    },
    /has ended/,
  ],
] as const)
  test(`create refuses ${what}, and shows no key`, async () => {
    await using scope = new AsyncDisposableStack();
    const { words, path } = await parts(scope);
    await change(path);
    const { code, stdout, stderr } = await runCommand(words, LINKS);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /PRIVATE KEY/);
  });

test("remove says so in the file, which stays its owner's alone", async () => {
  await using scope = new AsyncDisposableStack();
  const { words, path } = await parts(scope);
  const out = path("link.yaml");
  await runCommand([...words, "--out", out]);
  const before = parse(await readFile(out, "utf8"));
  assert.equal((await runCommand(["link", "remove", out])).code, 0);
  assert.deepEqual(parse(await readFile(out, "utf8")), { ...before, removed: true });
  assert.equal((await stat(out)).mode & 0o777, 0o600);
  assert.match((await runCommand(["link", "remove", path("ca.pem")])).stderr, /MB_LINK_FILE/);
});

test("check opens the link as the bridge would: what came, or why it does not work", async () => {
  await using scope = new AsyncDisposableStack();
  const far = await startExporter(scope);
  far.put("web", [{ address: "10.0.0.1", port: 1 }]);
  const create = ["link", "create", "--peer", "far", "--server", `127.0.0.1:${far.port}`, "--ca", join(far.dir, "ca.pem")];
  const out = join(far.dir, "link.yaml");
  const made = await runCommand([
    ...create,
    "--cert",
    join(far.dir, "cert.pem"),
    "--key",
    join(far.dir, "key.pem"),
    "--out",
    out,
  ]);
  assert.equal(made.code, 0, made.stderr);
  const good = await runCommand(["link", "check", "--file", out, "--cluster", "c1", "-o", "json"], LINKS);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  const [check] = JSON.parse(good.stdout);
  assert.deepEqual([check.ok, check.services, check.instances], [true, 1, 1]);
  const stranger = await runCommand(["link", "check", "--file", out, "--cluster", "c9", "-o", "json"], LINKS);
  assert.equal(stranger.code, 1);
  assert.match(JSON.parse(stranger.stdout)[0].problem, /the certificate is that of c1, not of c9/);
  await far.down();
  const lost = await runCommand(["link", "check", "--file", out, "--cluster", "c1", "-o", "json"], LINKS);
  assert.equal(lost.code, 1);
  assert.match(JSON.parse(lost.stdout)[0].problem, /ECONNREFUSED|cannot be reached/);
});
