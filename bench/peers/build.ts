/** The programs the bridge is compared with, and the load generator: built once into the cache of the test servers. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serversDir } from "../../test/support/servers/cache.ts";
import { runStep } from "../../test/support/servers/run.ts";

const SOURCES = fileURLToPath(new URL("./go/", import.meta.url));

/** Path of `loadgen` or `controlplane`, our Go programs; the folder is named by their sources, so a change builds anew. */
export async function ownProgram(name: "loadgen" | "controlplane"): Promise<string> {
  const dir = join(serversDir(), `peers-${await sourcesHash()}`);
  const program = join(dir, name);
  if (existsSync(program)) return program;
  await mkdir(dir, { recursive: true });
  const args = ["-n", "15", "go", "build", "-trimpath", "-o", program, `./${name}`];
  await runStep({ title: `bench: build ${name}`, command: "nice", args, cwd: SOURCES, env: { GOFLAGS: "-buildvcs=false" } });
  return program;
}

async function sourcesHash(): Promise<string> {
  const files = (await readdir(SOURCES, { recursive: true })).filter((name) => /\.(go|mod|sum)$/.test(name)).sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(await readFile(join(SOURCES, file)));
  return hash.digest("hex").slice(0, 12);
}
