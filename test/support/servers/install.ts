/**
 * `node test/support/servers/install.ts [name…]`: obtains the real servers the tests run against, once per machine.
 * A server that cannot be had is reported and left out: the tests that need it then say so and count as skipped.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { isCached, SERVER_VERSIONS, type ServerName, serverDir } from "./cache.ts";
import { recipes } from "./recipes.ts";

async function install(name: ServerName): Promise<void> {
  if (isCached(name)) return;
  const target = serverDir(name);
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { recursive: true, force: true });
  try {
    // Built in place, not renamed: a Python virtual environment holds its own absolute path.
    await recipes[name](target);
  } catch (error) {
    const failed = `${target}.failed`;
    await rm(failed, { recursive: true, force: true });
    if (existsSync(target)) await rename(target, failed);
    throw error;
  }
}

const wanted = (process.argv.length > 2 ? process.argv.slice(2) : Object.keys(SERVER_VERSIONS)) as ServerName[];
for (const name of wanted) {
  if (!(name in recipes)) {
    process.stderr.write(`[servers] unknown server "${name}"; known: ${Object.keys(recipes).join(", ")}\n`);
    process.exitCode = 2;
    continue;
  }
  try {
    await install(name);
    process.stderr.write(`[servers] ${name} ${SERVER_VERSIONS[name]}: ${serverDir(name)}\n`);
  } catch (error) {
    process.stderr.write(`[servers] ${name} COULD NOT BE OBTAINED; its tests will be skipped\n${error}\n`);
  }
}
