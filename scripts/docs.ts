/**
 * Writes the generated pages of docs/reference. `node scripts/docs.ts --check` writes nothing and fails when a page is
 * not what it would write.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { adapters } from "../adapters/index.ts";
import { configReference } from "../src/config/reference.ts";
import { ERROR_TABLE } from "../src/model/errors.ts";

const root = join(import.meta.dirname, "..");

const PAGES: Readonly<Record<string, () => string>> = {
  "docs/reference/configuration.md": () => configReference(adapters),
  "docs/reference/errors.md": errorReference,
};

function errorReference(): string {
  const head = `# Error codes

<!-- Generated from src/model/errors.ts by \`node scripts/docs.ts\`. Do not edit. -->

Every error has a code, a sentence that says what failed and where, and a next step. The admin API answers with the
status named here and the code in its problem document; a command that ends with the error has the exit code named
here (1: a check failed, 2: usage or configuration, 3: something cannot be reached). \`{…}\` stands for what is filled in.
`;
  const parts = Object.entries(ERROR_TABLE).map(
    ([code, { message, next, status, exitCode }]) =>
      `## ${code}\n\n> ${message}\n\n${next.charAt(0).toUpperCase()}${next.slice(1)}.\n\nHTTP status ${status}, exit code ${exitCode}.\n`,
  );
  return [head, ...parts].join("\n");
}

async function current(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

const check = process.argv.includes("--check");
for (const [name, page] of Object.entries(PAGES)) {
  const path = join(root, name);
  const text = page();
  if ((await current(path)) === text) continue;
  if (check) {
    process.stderr.write(`${name} is not up to date: run \`node scripts/docs.ts\`\n`);
    process.exitCode = 1;
  } else {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    process.stdout.write(`${name} written\n`);
  }
}
