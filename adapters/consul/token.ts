/** Reads the ACL token from where the configuration says it is. */
import { resolve } from "node:path";
import { readText } from "../../src/kernel/read-text.ts";
import { Secret } from "../../src/kernel/secret.ts";
import { fail } from "../../src/model/errors.ts";
import type { SecretRef } from "../../src/registry/settings.ts";

/** Read anew at each call, so that a rotated token counts at once. Throws MB_SECRET_UNREADABLE; surrounding space goes. */
export async function readToken(ref: SecretRef, { name, baseDir }: { name: string; baseDir: string }): Promise<Secret> {
  const where = `registry ${name}`;
  if ("fromEnv" in ref) {
    const value = process.env[ref.fromEnv]?.trim();
    if (value) return new Secret(value);
    throw fail("MB_SECRET_UNREADABLE", { where, origin: `the environment variable ${ref.fromEnv}`, reason: "it is not set" });
  }
  const result = await readText(resolve(baseDir, ref.fromFile));
  const reason = "reason" in result ? result.reason : "it is empty";
  const value = "text" in result ? result.text.trim() : "";
  if (value !== "") return new Secret(value);
  throw fail("MB_SECRET_UNREADABLE", { where, origin: `the file ${ref.fromFile}`, reason });
}
