/** Reads one file as text, whole or not at all. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";

export type TextResult = { readonly text: string } | { readonly reason: string };

/** More than any list of services needs; a bound, so that a wrong path cannot exhaust the memory. */
const MAX_BYTES = 256 * 1024 * 1024;
const ATTEMPTS = 5;

/**
 * Never rejects: why it cannot be read is told as `reason`. A file that changes while it is read is read again, so
 * that a part of it is not taken for the whole.
 */
export async function readText(path: string): Promise<TextResult> {
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = await readOnce(path);
      if (result !== undefined) return result;
    }
    return { reason: "it keeps changing while it is read" };
  } catch (error) {
    return { reason: sentence(error) };
  }
}

async function readOnce(path: string): Promise<TextResult | undefined> {
  // Without O_NONBLOCK, opening a pipe would wait for a writer for ever.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const before = await file.stat({ bigint: true });
  if (!before.isFile()) return { reason: "it is not a file" };
  if (before.size > MAX_BYTES) return { reason: `it is larger than ${MAX_BYTES / 1024 / 1024} MiB` };
  const bytes = await file.readFile();
  const after = await file.stat({ bigint: true });
  if (after.mtimeNs !== before.mtimeNs || after.size !== before.size || BigInt(bytes.length) !== before.size) return undefined;
  return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
}

function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "EISDIR") return "it is a folder";
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "it is not UTF-8 text";
  return error.message;
}
