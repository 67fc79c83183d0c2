/** A bearer token in a file that others replace: read at each use, so that a rotation needs nothing of us. */
import { reasonOf } from "../kernel/errors.ts";
import { readText } from "../kernel/read-text.ts";

/** Rejects, naming the file, when it cannot be read or holds no token: a state to try again in, as tokens are replaced. */
export async function readTokenFile(path: string): Promise<string> {
  const read = await readText(path);
  if ("reason" in read) throw new Error(`the token file ${path}: ${reasonOf(read.reason)}`);
  const token = read.text.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`the token file ${path} holds no token`);
  return token;
}
