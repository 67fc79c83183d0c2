/** The programs the bridge is compared with, and the load generator: built once into the cache of the test servers. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { serversDir } from "../../test/support/servers/cache.ts";
import { buildGoPrograms } from "../../test/support/servers/go.ts";
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

/** A release of 2026-08 by its commit: Istio's module has no tags that Go takes. */
const ISTIO = "v0.0.0-20260827124520-eed52ebb66ad";

export interface Istiod {
  readonly program: string;
  /** File with the definitions of its resources. */
  readonly crds: string;
}

/** Built on first use: about 10 minutes on 2 cores. */
export async function istiod(): Promise<Istiod> {
  const dir = join(serversDir(), `istiod-${ISTIO}`);
  const found = { program: join(dir, "bin", "pilot-discovery"), crds: join(dir, "crds.yaml") };
  if (existsSync(found.program) && existsSync(found.crds)) return found;
  await buildGoPrograms(dir, {
    title: "istiod (about 10 minutes on 2 cores)",
    packages: { "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery" },
    require: { "istio.io/istio": ISTIO },
  });
  const { stdout } = await promisify(execFile)("go", ["list", "-m", "-f", "{{.Dir}}", "istio.io/istio"], {
    cwd: join(dir, "source"),
  });
  await copyFile(join(stdout.trim(), "manifests/charts/base/files/crd-all.gen.yaml"), found.crds);
  return found;
}

async function sourcesHash(): Promise<string> {
  const files = (await readdir(SOURCES, { recursive: true })).filter((name) => /\.(go|mod|sum)$/.test(name)).sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(await readFile(join(SOURCES, file)));
  return hash.digest("hex").slice(0, 12);
}
