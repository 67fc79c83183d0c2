/** Secrets and certificates from where the configuration says they are, for every registry alike. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { reasonOf } from "../kernel/errors.ts";
import { readText } from "../kernel/read-text.ts";
import { Secret } from "../kernel/secret.ts";
import { fail } from "../model/errors.ts";
import type { SecretRef } from "./settings.ts";

/** Which registry asks, and the folder relative paths are meant from. */
export interface CredentialContext {
  readonly name: string;
  readonly baseDir: string;
}

/** Read anew at each call, so that a rotated secret counts at once. Throws MB_SECRET_UNREADABLE; surrounding space goes. */
export async function readSecret(ref: SecretRef, { name, baseDir }: CredentialContext): Promise<Secret> {
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

/** Paths as settings write them. */
export interface TlsPaths {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** What node:tls takes; a file that is not named is not there. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Throws MB_TLS_INVALID, in which `purpose` says whose files they are. */
export async function readTlsFiles(paths: TlsPaths | undefined, baseDir: string, purpose: string): Promise<TlsMaterial> {
  const read = async (path: string | undefined) => {
    if (path === undefined) return undefined;
    try {
      return await readFile(resolve(baseDir, path));
    } catch (cause) {
      throw fail("MB_TLS_INVALID", { purpose, reason: reasonOf(cause) }, { cause });
    }
  };
  const [ca, cert, key] = await Promise.all([read(paths?.caFile), read(paths?.certFile), read(paths?.keyFile)]);
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}
