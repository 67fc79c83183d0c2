/** Where a link leads and how it is secured: from the settings, or from one link file; followed as the files change. */
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import { checkSchema } from "../../src/kernel/schema-check.ts";
import { pathText } from "../../src/kernel/text.ts";
import { watchFiles } from "../../src/kernel/watch-files.ts";
import { parseYaml } from "../../src/kernel/yaml-document.ts";
import { type LinkFile, LinkFileSchema } from "../../src/link/link-file.ts";
import { fail } from "../../src/model/errors.ts";
import type { WatchContext } from "../../src/registry/adapter.ts";
import type { LinkSettings } from "./schema.ts";

/** All that is needed to reach a peer. The key must reach no log: it is never shown. */
export interface LinkSpec {
  readonly peer: string;
  readonly servers: readonly string[];
  readonly serverName: string | undefined;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly witnesses: readonly string[];
  /** The operator has removed the link: its instances drain, then leave. */
  readonly removed: boolean;
}

export type SpecUpdate = { readonly spec: LinkSpec } | { readonly error: MeshbridgeError };

/** The spec now and whenever its files change and say something else; an error when they cannot be used as they are. */
export async function* linkSpecs(settings: LinkSettings, context: WatchContext): AsyncGenerator<SpecUpdate> {
  const { baseDir, name, signal, clock } = context;
  const { tls, linkFile } = settings;
  const paths = [linkFile, tls?.caFile, tls?.certFile, tls?.keyFile].flatMap((path) =>
    path === undefined ? [] : [resolve(baseDir, path)],
  );
  let before = "";
  for await (const _ of watchFiles(() => paths, { signal, clock, again: () => before.startsWith("error ") })) {
    const update = await readSpec(settings, { name, baseDir });
    const now = "error" in update ? `error ${update.error.message}` : contentOf(update.spec);
    if (now === before) continue;
    before = now;
    yield update;
  }
}

/** Equal for equal specs; holds no secret. */
function contentOf(spec: LinkSpec): string {
  return createHash("sha256").update(JSON.stringify(spec)).digest("hex");
}

/** Read once. */
async function readSpec(
  settings: LinkSettings,
  { name, baseDir }: { readonly name: string; readonly baseDir: string },
): Promise<SpecUpdate> {
  const origin = settings.linkFile ?? "its settings";
  try {
    const spec = settings.linkFile === undefined ? await fromSettings(settings, baseDir) : await fromFile(settings, baseDir);
    checkPems(spec);
    return { spec };
  } catch (cause) {
    if (cause instanceof MeshbridgeError) return { error: cause };
    return { error: fail("MB_LINK_INVALID", { registry: name, origin, reason: reasonOf(cause) }, { cause }) };
  }
}

async function fromSettings(
  { peer, servers, serverName, tls, witnesses = [] }: LinkSettings,
  baseDir: string,
): Promise<LinkSpec> {
  if (peer === undefined || servers === undefined || tls === undefined)
    throw new Error("peer, servers and tls are needed, or linkFile");
  const read = (path: string) => readFile(resolve(baseDir, path));
  const [ca, cert, key] = await Promise.all([read(tls.caFile), read(tls.certFile), read(tls.keyFile)]);
  return { peer, servers, serverName, ca, cert, key, witnesses, removed: false };
}

async function fromFile({ linkFile = "", witnesses = [] }: LinkSettings, baseDir: string): Promise<LinkSpec> {
  const parsed = parseYaml(await readFile(resolve(baseDir, linkFile), "utf8"));
  if ("problems" in parsed) throw new Error(parsed.problems.map(({ line, message }) => `line ${line}: ${message}`).join("; "));
  const { value } = parsed.document;
  const [fault] = checkSchema(LinkFileSchema, value);
  if (fault !== undefined) throw new Error(`${pathText(fault.path)} ${fault.message}`);
  const file = value as LinkFile;
  const pem = (text: string) => Buffer.from(text);
  return {
    peer: file.peer,
    servers: file.servers,
    serverName: file.serverName,
    ca: pem(file.ca),
    cert: pem(file.cert),
    key: pem(file.key),
    witnesses,
    removed: file.removed ?? false,
  };
}

/** A pair that does not fit together is a rotation that is half written. */
function checkPems({ ca, cert, key }: LinkSpec): void {
  new X509Certificate(ca);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error("the key does not belong to the certificate");
}
