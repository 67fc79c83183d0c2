/** The drains on disk: one small file beside what the registries said last, replaced in one step. */
import { join } from "node:path";
import type { DrainFile } from "../catalog/drain-book.ts";
import type { Drain } from "../catalog/drains.ts";
import { reasonOf } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { fail } from "../model/errors.ts";
import { diskFiles, type StateFiles } from "../registry/state-files.ts";

const FORMAT = 1;

/** A file that cannot be read costs a warning: drains are of minutes, and traffic comes back as it does at their expiry. */
export function drainFile(dir: string, log: Log, files: StateFiles = diskFiles): DrainFile {
  const path = join(dir, "drains.json");
  return {
    async load() {
      try {
        return parse(await files.read(path));
      } catch (error) {
        const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
        if (!missing)
          log.error({ file: path, reason: reasonOf(error) }, "saved drains are not usable: what was drained is served");
        return [];
      }
    },
    async save(drains) {
      try {
        await files.write(`${path}.new`, `${JSON.stringify({ format: FORMAT, drains })}\n`);
        await files.rename(`${path}.new`, path);
      } catch (cause) {
        throw fail("MB_STATE_UNWRITABLE", { what: "the drain", path, reason: reasonOf(cause) }, { cause });
      }
    },
  };
}

function parse(text: string): readonly Drain[] {
  const saved: unknown = JSON.parse(text);
  if (typeof saved !== "object" || saved === null || !("format" in saved) || saved.format !== FORMAT)
    throw new Error(`it is not of format ${FORMAT}`);
  if (!("drains" in saved) || !Array.isArray(saved.drains)) throw new Error("it holds no list of drains");
  return saved.drains.map(drainOf);
}

function drainOf(value: unknown): Drain {
  const { service, cluster, owner, addresses, reason, since, until, force } = Object(value) as Record<string, unknown>;
  const words = [service, cluster, owner, reason].every((word) => typeof word === "string");
  const times = [since, until].every(Number.isFinite);
  if (!words || !times || !(addresses === undefined || Array.isArray(addresses))) throw new Error("one of them is not a drain");
  return {
    service: String(service),
    cluster: String(cluster),
    owner: String(owner),
    addresses: addresses?.map(String),
    reason: String(reason),
    since: Number(since),
    until: Number(until),
    force: force === true,
  };
}
