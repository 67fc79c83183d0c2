/** One process at a time drives a rollout from a folder. The state itself is safe without: this is so that they do not wait for each other in vain. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";

export interface LockOptions {
  readonly dir: string;
  /** `namespace/name`. */
  readonly workload: string;
  readonly pid: number;
  readonly isAlive: (pid: number) => boolean;
}

/** Rejects with MB_DEPLOY_BUSY while the process that has it lives; one that was killed holds nobody up. Releases when called. */
export async function lockDriver({ dir, workload, pid, isAlive }: LockOptions): Promise<() => Promise<void>> {
  const path = join(dir, "driver.pid");
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const last of [false, true]) {
    try {
      await writeFile(path, `${pid}\n`, { flag: "wx", mode: 0o600 });
      return () => rm(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST"))
        throw fail("MB_DEPLOY_STATE", { place: path, reason: reasonOf(error) }, { cause: error });
    }
    const holder = Number.parseInt(await readFile(path, "utf8").catch(() => ""), 10);
    if (last || (holder > 0 && isAlive(holder))) throw fail("MB_DEPLOY_BUSY", { workload, holder: `process ${holder}` });
    await rm(path, { force: true });
  }
  throw new TypeError("unreachable");
}

/** Of this machine. A process of another user counts as alive. */
export function processIsAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
