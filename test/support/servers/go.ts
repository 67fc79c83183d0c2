/** Builds programs of published Go modules in a module of our own, which alone may say what replaces what. */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { runStep } from "./run.ts";

const GO_FLAGS = { GOFLAGS: "-mod=mod -buildvcs=false" };

export interface GoBuild {
  readonly title: string;
  /** Program name → import path of its main package. */
  readonly packages: Readonly<Record<string, string>>;
  /** Module path → version. */
  readonly require: Readonly<Record<string, string>>;
  /** Module path → "path version" that takes its place. */
  readonly replace?: Readonly<Record<string, string>>;
}

/** Fills `dir/bin` with the programs. Rejects with the compiler's words. */
export async function buildGoPrograms(dir: string, build: GoBuild): Promise<void> {
  const source = join(dir, "source");
  await mkdir(source, { recursive: true });
  await writeFile(join(source, "go.mod"), goMod(build));
  const imports = Object.values(build.packages).map((path) => `import _ "${path}"\n`);
  await writeFile(join(source, "tools.go"), `//go:build tools\n\npackage tools\n\n${imports.join("")}`);
  for (const [program, path] of Object.entries(build.packages)) {
    const title = `${build.title}: build ${program}`;
    const args = ["build", "-trimpath", "-ldflags=-s -w", "-o", join(dir, "bin", program), path];
    await runStep({ title, command: "go", args, cwd: source, env: GO_FLAGS });
  }
}

/** What a published module requires, as its own go.mod says. */
export async function readModuleRequirements(path: string, version: string): Promise<{ path: string; version: string }[]> {
  const run = promisify(execFile);
  const { stdout } = await run("go", ["mod", "download", "-json", `${path}@${version}`], {
    env: { ...process.env, ...GO_FLAGS },
  });
  const { GoMod } = JSON.parse(stdout) as { GoMod: string };
  const text = await readFile(GoMod, "utf8");
  return [...text.matchAll(/^\t(\S+) (v\S+)/gm)].map(([, module = "", wanted = ""]) => ({ path: module, version: wanted }));
}

function goMod({ require, replace = {} }: GoBuild): string {
  const required = Object.entries(require).map(([path, version]) => `\t${path} ${version}\n`);
  const replaced = Object.entries(replace).map(([path, target]) => `replace ${path} => ${target}\n`);
  return `module meshbridge.test/servers\n\ngo 1.26\n\nrequire (\n${required.join("")})\n\n${replaced.join("")}`;
}
