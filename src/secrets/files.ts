/** Secrets in files: read again whenever a file, or a link on the way to it, changes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../kernel/clock.ts";
import { reasonOf } from "../kernel/errors.ts";
import { watchFiles } from "../kernel/watch-files.ts";
import type { TlsMaterial } from "../model/tls-material.ts";
import { checkMaterial } from "./check.ts";
import type { SecretDirectory, SecretFiles, SecretReading } from "./types.ts";

interface Layout {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** How cert-manager and Kubernetes, SPIRE's helper, and Istio name what they leave in a folder. */
const LAYOUTS: readonly Layout[] = [
  { cert: "tls.crt", key: "tls.key", ca: "ca.crt" },
  { cert: "svid.pem", key: "svid_key.pem", ca: "bundle.pem" },
  { cert: "cert-chain.pem", key: "key.pem", ca: "root-cert.pem" },
];

/**
 * Yields what the files hold: first at once, then after every change. A pair that is half written is a `reason`; it is
 * looked at again within 5 s even when no file changes. Ends at the abort.
 */
export async function* followFiles(
  origin: SecretFiles | SecretDirectory,
  env: { readonly signal: AbortSignal; readonly clock: Clock },
): AsyncGenerator<SecretReading, void, undefined> {
  let bad = false;
  for await (const _ of watchFiles(() => pathsOf(origin), { ...env, again: () => bad })) {
    const reading = await readFiles(origin);
    bad = "reason" in reading;
    yield reading;
  }
}

function pathsOf(origin: SecretFiles | SecretDirectory): readonly string[] {
  if (origin.kind === "files") return [origin.certFile, origin.keyFile, origin.caFile].filter((path) => path !== undefined);
  const files = LAYOUTS.flatMap(({ cert, key, ca }) => [cert, key, ca]);
  return [origin.path, ...files.map((file) => join(origin.path, file))];
}

async function readFiles(origin: SecretFiles | SecretDirectory): Promise<SecretReading> {
  try {
    const material = origin.kind === "files" ? await readNamed(origin) : await readDirectory(origin.path);
    checkMaterial(material);
    return { material };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

async function readNamed({ certFile, keyFile, caFile }: SecretFiles): Promise<TlsMaterial> {
  const [certificateChain, privateKey, ca] = await Promise.all([certFile, keyFile, caFile].map(readIfNamed));
  const paired = certificateChain !== undefined && privateKey !== undefined;
  return { identity: paired ? { certificateChain, privateKey } : undefined, ca };
}

async function readIfNamed(path: string | undefined): Promise<Buffer | undefined> {
  return path === undefined ? undefined : await readFile(path);
}

/** The first layout of which anything is there. Authorities are there or not: the file may be missing, or empty. */
async function readDirectory(path: string): Promise<TlsMaterial> {
  for (const { cert, key, ca } of LAYOUTS) {
    const [certificateChain, privateKey, authorities] = await Promise.all(
      [cert, key, ca].map((file) => readIfThere(join(path, file))),
    );
    const bundle = authorities?.length === 0 ? undefined : authorities;
    if (certificateChain !== undefined && privateKey !== undefined)
      return { identity: { certificateChain, privateKey }, ca: bundle };
    if (certificateChain !== undefined || privateKey !== undefined)
      throw new Error(`${path} holds ${certificateChain === undefined ? key : cert}, but not what belongs to it`);
    if (bundle !== undefined) return { identity: undefined, ca: bundle };
  }
  const known = LAYOUTS.map(({ cert, key }) => `${cert} and ${key}`).join(", ");
  throw new Error(`${path} holds none of the pairs that are known: ${known}`);
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
