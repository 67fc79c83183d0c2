/** Making and mending link files. They hold private keys: they are their owner's alone, and never overwritten. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmod, open, readFile, rename } from "node:fs/promises";
import { reasonOf } from "../../kernel/errors.ts";
import { checkSchema } from "../../kernel/schema-check.ts";
import { pathText } from "../../kernel/text.ts";
import { parseYaml } from "../../kernel/yaml-document.ts";
import { identitiesOf } from "../../link/identity.ts";
import { type LinkFile, LinkFileSchema } from "../../link/link-file.ts";
import { fail } from "../../model/errors.ts";
import { toYaml } from "../output/yaml.ts";

export interface LinkParts {
  readonly peer: string;
  readonly servers: readonly string[];
  readonly serverName?: string;
  /** Paths of PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface NewLink {
  readonly file: LinkFile;
  /** By which the other side knows us. */
  readonly identities: readonly string[];
  readonly notAfter: string;
}

/** `now`: wall-clock ms. Throws MB_LINK_FILE where the parts make no link: then nothing would work, and why is best said here. */
export async function createLinkFile({ peer, servers, serverName, ca, cert, key }: LinkParts, now: number): Promise<NewLink> {
  const [caText, certText, keyText] = await Promise.all([ca, cert, key].map(read));
  const leaf = parsed(cert, () => new X509Certificate(certText ?? ""));
  parsed(ca, () => new X509Certificate(caText ?? ""));
  const secret = parsed(key, () => createPrivateKey(keyText ?? ""));
  if (!leaf.checkPrivateKey(secret)) throw unusable(key, "it does not belong to the certificate");
  const identities = identitiesOf(leaf.subjectAltName);
  if (identities.length === 0) throw unusable(cert, "it has no URI and no DNS name, so the peer could not know us by it");
  if (leaf.validToDate.getTime() <= now) throw unusable(cert, `it has ended at ${leaf.validToDate.toISOString()}`);
  const file: LinkFile = {
    ...{ link: 1 as const, peer, servers: [...servers] },
    ...(serverName !== undefined && { serverName }),
    ...{ ca: caText ?? "", cert: certText ?? "", key: keyText ?? "" },
  };
  const [fault] = checkSchema(LinkFileSchema, file);
  if (fault !== undefined) throw unusable(pathText(fault.path), fault.message);
  return { file, identities, notAfter: leaf.validToDate.toISOString() };
}

/** The link as the one key of a Secret, to be mounted as a file. */
export function secretOf(file: LinkFile, { name, namespace }: { readonly name: string; readonly namespace: string }) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, labels: { "meshbridge.io/link": file.peer } },
    type: "Opaque",
    stringData: { "link.yaml": toYaml(file) },
  };
}

/** Throws MB_LINK_FILE when the file is there already. */
export async function writeNew(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw fail("MB_LINK_FILE", { path, reason: reasonOf(cause) }, { cause });
  }
}

/** Says in the file that the link is removed; in one step, so that no reader sees half of it. */
export async function removeLink(path: string): Promise<LinkFile> {
  const document = parseYaml(await read(path));
  if ("problems" in document)
    throw unusable(path, document.problems.map(({ line, message }) => `line ${line}: ${message}`).join("; "));
  const { value } = document.document;
  const [fault] = checkSchema(LinkFileSchema, value);
  if (fault !== undefined) throw unusable(path, `${pathText(fault.path)} ${fault.message}`);
  const file = { ...(value as LinkFile), removed: true };
  const next = `${path}.new`;
  await writeNew(next, toYaml(file));
  await chmod(next, 0o600);
  await rename(next, path);
  return file;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw fail("MB_LINK_FILE", { path, reason: reasonOf(cause) }, { cause });
  }
}

function parsed<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    // The parser's own message may show a piece of what it read, which may be a key.
    throw fail("MB_LINK_FILE", { path, reason: "it is no PEM of the kind that is needed" }, { cause });
  }
}

function unusable(path: string, reason: string) {
  return fail("MB_LINK_FILE", { path, reason });
}
