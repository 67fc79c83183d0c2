/** Reads recordings back and judges them. */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { XdsRecord } from "./record.ts";
import { RECORDING_SUFFIX } from "./recorder.ts";
import { createValidator, type Judgement } from "./validate.ts";

export interface JudgedFile extends Judgement {
  readonly path: string;
}

/** Every recording that the path names: itself, or those in the folder. Rejects with the file system's error. */
export async function recordingsAt(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path);
  return names
    .filter((name) => name.endsWith(RECORDING_SUFFIX))
    .sort()
    .map((name) => join(path, name));
}

/** The last line may be half written, when the process that wrote it was killed; any other that is no JSON throws. */
export async function judgeRecording(path: string): Promise<JudgedFile> {
  const validator = createValidator();
  let previous: string | undefined;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (previous !== undefined) validator.add(JSON.parse(previous) as XdsRecord);
    previous = line;
  }
  if (previous?.endsWith("}") && isJson(previous)) validator.add(JSON.parse(previous) as XdsRecord);
  return { path, ...validator.result() };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Half a line: what it was going to say is not known.
    return false;
  }
}
