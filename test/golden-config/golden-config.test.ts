/**
 * Every message about bad input that the configuration and the file registry give, word for word: in/NAME.yaml is the
 * input, out/NAME.txt what is said. `UPDATE_GOLDEN=1` rewrites the outputs; changes of wording are then reviewed.
 */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { file } from "../../adapters/file/index.ts";
import { loadConfig, parseConfig } from "../../src/config/load.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { record } from "../../src/registry/contract-recorder.ts";
import { createLedger } from "../../src/registry/ledger.ts";
import { registrySettings } from "../../src/registry/testing.ts";

const here = import.meta.dirname;
const update = process.env["UPDATE_GOLDEN"] === "1";
const written = new Set<string>();

async function golden(folder: string, name: string, said: string): Promise<void> {
  const path = join(here, folder, "out", `${name}.txt`);
  written.add(path);
  if (update) {
    await mkdir(join(here, folder, "out"), { recursive: true });
    await writeFile(path, said);
  }
  assert.equal(said, await readFile(path, "utf8"));
}

/** The error as `meshbridge config validate` has it to show. */
function sentence(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof MeshbridgeError) return report(error);
    throw error;
  }
  return "no problem\n";
}

function report({ message, next, exitCode }: MeshbridgeError): string {
  return `${message}\nnext: ${next}\nexit ${exitCode}\n`;
}

async function inputs(folder: string): Promise<readonly string[]> {
  return (await readdir(join(here, folder, "in"))).filter((name) => name.endsWith(".yaml")).map((name) => basename(name, ".yaml"));
}

const sources = { adapters: [file], env: {}, flags: new Map<string, string>() };

for (const name of await inputs("."))
  test(`configuration: ${name}`, async () => {
    const text = await readFile(join(here, "in", `${name}.yaml`), "utf8");
    await golden(
      ".",
      name,
      sentence(() => parseConfig(text, { path: "meshbridge.yaml", ...sources })),
    );
  });

for (const [name, path] of [
  ["unreadable-missing", "nowhere/meshbridge.yaml"],
  ["unreadable-folder", "/"],
] as const)
  test(`configuration: ${name}`, async () => {
    const error = await loadConfig({ path, ...sources }).then(() => undefined, (thrown: unknown) => thrown);
    assert.ok(error instanceof MeshbridgeError);
    await golden(".", name, report(error));
  });

test("configuration: environment-and-flags", async () => {
  const env = { MESHBRIDGE_XDS_LISTN: "127.0.0.1:1", MESHBRIDGE_LOG_LEVEL: "loud", MESHBRIDGE_XDS_INSECURE: "yes", MESHBRIDGE_ADMIN: "ignored" };
  const flags = new Map([["admin.listen", "0.0.0.0:8080"]]);
  await golden(
    ".",
    "environment-and-flags",
    sentence(() => parseConfig("xds: {}\n", { path: "meshbridge.yaml", adapters: [file], env, flags })),
  );
});

const settings = registrySettings({ trusted: true });

/** What one reading of the file leaves: the services as the catalog gets them, what was left out, and what is told. */
async function services(name: string): Promise<string> {
  const ledger = createLedger(settings);
  const lines: string[] = [];
  const seen = record(async function* (signal) {
    const context = { name: "local", settings, baseDir: join(here, "services/in"), signal, log: silentLog, clock: systemClock, random: () => 0.5 };
    for await (const event of file.watch({ path: `${name}.yaml` }, context)) {
      ledger.apply(event, { wall: 0, mono: 0 });
      yield event;
    }
  });
  await seen.until(() => seen.synced + seen.degraded.length > 0, "a first reading");
  await seen.abort();
  for (const group of ledger.groups()) lines.push(`${group.service.name}: ${group.instances.map(({ id }) => id).join(", ") || "no instance"}`);
  for (const { record: where, reason } of ledger.rejected()) lines.push(`left out: ${where}: ${reason}`);
  for (const { error } of seen.degraded) lines.push(report(error));
  return `${lines.join("\n")}\n`;
}

for (const name of await inputs("services"))
  test(`services: ${name}`, async () => {
    await golden("services", name, await services(name));
  });

after(async () => {
  for (const folder of [".", "services"]) {
    const path = join(here, folder, "out");
    const stale = (await readdir(path)).map((name) => join(path, name)).filter((name) => !written.has(name));
    if (update) for (const name of stale) await rm(name);
    else assert.deepEqual(stale, [], "outputs without an input");
  }
});
