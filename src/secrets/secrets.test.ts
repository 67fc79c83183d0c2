/** What is taken as a secret and what is not, from real files. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { authority, issue, selfSigned } from "../../test/support/certificate.ts";
import { eventually } from "../../test/support/eventually.ts";
import { tempDir } from "../../test/support/temp.ts";
import { systemClock } from "../kernel/clock.ts";
import { type Log, silentLog } from "../kernel/log.ts";
import { checkMaterial } from "./check.ts";
import { followFiles } from "./files.ts";
import { createSecrets } from "./store.ts";
import type { SecretOrigin, SecretSpec } from "./types.ts";

const bytes = (text: string) => Buffer.from(text);
const pair = selfSigned("web.test");
const other = selfSigned("web.test");
const identityOf = (cert: string, key: string) => ({ certificateChain: bytes(cert), privateKey: bytes(key) });

for (const [name, material, expected] of [
  ["a pair", { identity: identityOf(pair.cert, pair.key), ca: undefined }, undefined],
  ["authorities alone", { identity: undefined, ca: bytes(pair.cert + other.cert) }, undefined],
  ["a key of another certificate", { identity: identityOf(pair.cert, other.key), ca: undefined }, /does not belong/],
  ["a certificate cut off", { identity: identityOf(pair.cert.slice(0, 300), pair.key), ca: undefined }, /in the middle/],
  ["a chain cut off", { identity: identityOf(pair.cert + other.cert.slice(0, 200), pair.key), ca: undefined }, /in the middle/],
  ["a key cut off", { identity: identityOf(pair.cert, pair.key.slice(0, 80)), ca: undefined }, /no private key/],
  ["an empty certificate", { identity: identityOf("", pair.key), ca: undefined }, /no certificate/],
  [
    "garbage in a certificate",
    { identity: identityOf(pair.cert.replace(/^M.{40}/m, "QUFB"), pair.key), ca: undefined },
    /cannot be read/,
  ],
  ["an empty bundle", { identity: undefined, ca: bytes("") }, /the CA file holds no certificate/],
  ["nothing", { identity: undefined, ca: undefined }, /neither/],
] as const) {
  test(`check: ${name} is ${expected === undefined ? "taken" : "refused"}`, () => {
    if (expected === undefined) checkMaterial(material);
    else assert.throws(() => checkMaterial(material), expected);
  });
}

test("check: the facts of the leaf, and never a word of the key in an error", () => {
  const facts = checkMaterial({ identity: identityOf(pair.cert, pair.key), ca: undefined });
  assert.equal(facts?.subjectAltName, "DNS:web.test");
  assert.ok((facts?.notAfter ?? 0) > Date.now());
  const broken = pair.key.replace("PRIVATE KEY-----\n", "PRIVATE KEY-----\nAAAA");
  assert.throws(
    () => checkMaterial({ identity: identityOf(pair.cert, broken), ca: undefined }),
    (error: Error) => !error.message.includes(broken.slice(40, 60)),
  );
});

for (const [kind, options, taken] of [
  ["rsa", { modulusLength: 1024 }, false],
  ["rsa", { modulusLength: 2048 }, true],
  ["ec", { namedCurve: "secp256k1" }, false],
] as const) {
  test(`check: a key of ${kind} ${JSON.stringify(options)} is ${taken ? "no reason to refuse" : "refused as Envoy would"}`, () => {
    const { privateKey } =
      kind === "rsa" ? generateKeyPairSync("rsa", options) : generateKeyPairSync("ec", options as { namedCurve: string });
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const { cert } = issue({ names: ["web.test"], key: privateKey });
    const check = () => checkMaterial({ identity: identityOf(cert, key), ca: undefined });
    if (taken) check();
    else assert.throws(check, /Envoy takes/);
  });
}

/** Follows one origin until the scope ends. */
async function followed(scope: AsyncDisposableStack, origin: SecretOrigin, clients: SecretSpec["clients"] = []) {
  const warnings: string[] = [];
  const reloads: string[] = [];
  const log: Log = {
    ...silentLog,
    warn: (fields, message) => warnings.push(`${message}: ${(fields as { reason?: string }).reason}`),
  };
  const secrets = createSecrets({
    clock: systemClock,
    log,
    follow: ({ origin: from }, signal) =>
      from.kind === "elsewhere" ? from.follow(signal) : followFiles(from, { signal, clock: systemClock }),
    onChange: () => undefined,
    onReload: (name, ok) => reloads.push(`${name} ${ok}`),
  });
  scope.defer(() => secrets.stop());
  const configure = (next: SecretOrigin) => secrets.configure([{ name: "web", origin: next, clients }]);
  configure(origin);
  const served = () => secrets.material("web")?.identity?.certificateChain.toString();
  return { secrets, configure, served, warnings, reloads };
}

for (const [program, cert, key, ca] of [
  ["Kubernetes and cert-manager", "tls.crt", "tls.key", "ca.crt"],
  ["SPIRE's helper", "svid.pem", "svid_key.pem", "bundle.pem"],
  ["Istio", "cert-chain.pem", "key.pem", "root-cert.pem"],
] as const) {
  test(`folder: as ${program} leave it, with authorities that come later`, async () => {
    await using scope = new AsyncDisposableStack();
    const dir = await tempDir(scope, "secret");
    await writeFile(join(dir, cert), pair.cert);
    await writeFile(join(dir, key), pair.key);
    const { secrets, served } = await followed(scope, { kind: "directory", path: dir });
    await eventually("the pair is there", () => assert.equal(served(), pair.cert));
    assert.equal(secrets.statuses()[0]?.hasCa, false);
    await writeFile(join(dir, ca), authority("root").cert);
    await eventually("and its authorities", () => assert.equal(secrets.statuses()[0]?.hasCa, true));
  });
}

test("folder: a symlink swapped at once, as Kubernetes does, is one rotation", async () => {
  await using scope = new AsyncDisposableStack();
  const dir = await tempDir(scope, "secret");
  const write = async (version: string, { cert, key }: typeof pair) => {
    await mkdir(join(dir, version));
    await writeFile(join(dir, version, "tls.crt"), cert);
    await writeFile(join(dir, version, "tls.key"), key);
    await symlink(version, join(dir, "..data.new"));
    await rename(join(dir, "..data.new"), join(dir, "..data"));
  };
  await write("1", pair);
  for (const file of ["tls.crt", "tls.key"]) await symlink(`..data/${file}`, join(dir, file));
  const { served, warnings, reloads } = await followed(scope, { kind: "directory", path: dir });
  await eventually("the first pair", () => assert.equal(served(), pair.cert));
  await write("2", other);
  await eventually("the second pair", () => assert.equal(served(), other.cert));
  assert.deepEqual([warnings, reloads], [[], ["web true", "web true"]]);
});

test("files: half a rotation, a vanished file and a vanished CA keep the last good; each is said once", async () => {
  await using scope = new AsyncDisposableStack();
  const dir = await tempDir(scope, "secret");
  const at = (name: string) => join(dir, name);
  const origin = { kind: "files", certFile: at("a.crt"), keyFile: at("a.key"), caFile: at("ca") } as const;
  const { secrets, served, warnings } = await followed(scope, origin);
  await eventually("nothing is there yet", () => assert.match(warnings[0] ?? "", /none yet.*ENOENT/));
  await writeFile(at("ca"), pair.cert);
  await writeFile(at("a.key"), pair.key);
  await writeFile(at("a.crt"), pair.cert);
  await eventually("the first pair", () => assert.equal(served(), pair.cert));
  const before = warnings.length;
  await writeFile(at("a.crt"), other.cert);
  await eventually("half of the second is refused", () => assert.match(warnings.at(-1) ?? "", /last good one stays.*belong/));
  assert.equal(served(), pair.cert);
  await writeFile(at("a.key"), other.key);
  await eventually("the whole is taken", () => assert.equal(served(), other.cert));
  await rm(at("a.crt"));
  await eventually("a vanished file is refused", () => assert.match(warnings.at(-1) ?? "", /last good.*ENOENT/));
  assert.equal(served(), other.cert);
  assert.equal(warnings.length, before + 2, warnings.join("\n"));
  assert.match(secrets.statuses()[0]?.problem ?? "", /ENOENT/);
});

test("configure: another origin takes over when it is usable, and may have less; a name that is gone is gone", async () => {
  await using scope = new AsyncDisposableStack();
  const dir = await tempDir(scope, "secret");
  for (const [name, text] of [
    ["1.crt", pair.cert],
    ["1.key", pair.key],
    ["ca", pair.cert],
  ] as const)
    await writeFile(join(dir, name), text);
  const files = (name: string, caFile?: string): SecretOrigin => ({
    kind: "files",
    certFile: join(dir, `${name}.crt`),
    keyFile: join(dir, `${name}.key`),
    caFile: caFile && join(dir, caFile),
  });
  const { secrets, configure, served, warnings } = await followed(scope, files("1", "ca"));
  await eventually("the first origin", () => assert.equal(served(), pair.cert));
  configure(files("2"));
  await eventually("the second is not there yet", () => assert.match(warnings.at(-1) ?? "", /ENOENT/));
  assert.equal(served(), pair.cert);
  await writeFile(join(dir, "2.crt"), other.cert);
  await writeFile(join(dir, "2.key"), other.key);
  await eventually("the second origin", () => assert.equal(served(), other.cert));
  assert.equal(secrets.material("web")?.ca, undefined);
  secrets.configure([]);
  assert.equal(served(), undefined);
});
