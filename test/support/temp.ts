/** Temporary folders that go with their scope. */
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

export async function tempDir(scope: AsyncDisposableStack, name: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), `meshbridge-${name}-`));
  scope.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

/** Writes a file as editors and tools should: beside it, then renamed over it, so that no reader sees a half. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  await writeFile(temporary, text);
  await rename(temporary, path);
}
