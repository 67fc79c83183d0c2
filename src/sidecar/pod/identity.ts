/** Which Pod this is, from what the downward API hands in: environment variables, and files of labels and annotations. */
import { join } from "node:path";
import { readText } from "../../kernel/read-text.ts";
import { fail } from "../../model/errors.ts";

export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  /** Never used again for another Pod; the name may be. */
  readonly uid: string;
  /** The Pod's own address. */
  readonly ip: string;
  readonly node: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What the configuration says instead of the downward API. */
export type PodOverrides = Partial<Pick<PodIdentity, "namespace" | "name" | "uid" | "ip">>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Where `meshbridge sidecar manifest` mounts the downward API's files. */
const PODINFO_DIR = "/etc/podinfo";

/**
 * POD_NAMESPACE, POD_NAME, POD_UID, POD_IP, NODE_NAME, and the files `labels` and `annotations`; files that are not there are empty.
 * Throws MB_SIDECAR_IDENTITY, naming what is missing: an IP, say, that the Pod has not been given yet.
 */
export async function readIdentity(overrides: PodOverrides, env: Environment, dir: string = PODINFO_DIR): Promise<PodIdentity> {
  const need = (what: keyof PodOverrides, variable: string): string => {
    const value = overrides[what] ?? env[variable]?.trim();
    if (value) return value;
    throw fail("MB_SIDECAR_IDENTITY", { what: `the ${what}`, reason: `${variable} is not set` });
  };
  const [labels, annotations] = await Promise.all(["labels", "annotations"].map((name) => readPairs(join(dir, name))));
  return {
    namespace: need("namespace", "POD_NAMESPACE"),
    name: need("name", "POD_NAME"),
    uid: need("uid", "POD_UID"),
    ip: need("ip", "POD_IP"),
    node: env["NODE_NAME"] || undefined,
    labels: labels ?? {},
    annotations: annotations ?? {},
  };
}

async function readPairs(path: string): Promise<Readonly<Record<string, string>>> {
  const result = await readText(path);
  return "text" in result ? parsePairs(result.text) : {};
}

/** The downward API's format: a line each, `key="value"`, the value quoted as Go quotes text. */
export function parsePairs(text: string): Readonly<Record<string, string>> {
  const pairs = text.split("\n").flatMap((line): readonly (readonly [string, string])[] => {
    const at = line.indexOf("=");
    if (at < 1) return [];
    const value = unquoted(line.slice(at + 1).trim());
    return value === undefined ? [] : [[line.slice(0, at).trim(), value]];
  });
  return Object.fromEntries(pairs);
}

/** Go's quoting is JSON's but for `\x..`, `\a`, `\v` and the like, which labels cannot have; a value with these is left out. */
function unquoted(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
