/** Where clusters come from on this machine: kubeconfig files by name, and folders of them. Followed while it runs. */
import { readdir, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, extname, join, resolve } from "node:path";
import { type MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import { readText } from "../../src/kernel/read-text.ts";
import { watchFiles } from "../../src/kernel/watch-files.ts";
import { fail } from "../../src/model/errors.ts";
import type { WatchContext } from "../../src/registry/adapter.ts";
import type { ClusterSettings } from "./schema.ts";
import { type ClusterSpec, placeOf, type SpecsByName } from "./specs.ts";

/** What an origin says, anew whenever it may have changed. */
export interface OriginUpdate {
  /** Undefined: the origin cannot be read, and every cluster of it stays. */
  readonly specs: SpecsByName | undefined;
  /** What could not be read, by cluster; under the empty name that of the origin itself. */
  readonly errors: ReadonlyMap<string, MeshbridgeError>;
}

type Context = Pick<WatchContext, "settings" | "baseDir" | "signal" | "clock">;

/** The clusters that the settings name. */
export async function* namedClusters(clusters: readonly ClusterSettings[], context: Context): AsyncGenerator<OriginUpdate> {
  const paths = clusters.flatMap((cluster) => (cluster.inCluster ? [] : [pathOf(cluster, context)]));
  for await (const _ of watchFiles(() => paths, context)) {
    const read = await Promise.all(clusters.map((cluster) => readNamed(cluster, context)));
    yield collect(read);
  }
}

/** A file may be away for so long while it is written anew, in ms. */
const REWRITE_MS = 2000;
/** Endings of kubeconfig files; what editors and copies leave beside them has others. */
const ENDINGS = ["", ".yaml", ".yml", ".json", ".conf", ".config", ".kubeconfig"];

/**
 * One cluster for each kubeconfig file of the folder. A folder that is empty all at once, after it held several, is taken
 * for one that is not there (a volume that is not mounted looks so): its clusters stay.
 */
export async function* clustersInFolder(folder: string, context: Context): AsyncGenerator<OriginUpdate> {
  const dir = resolve(context.baseDir, folder);
  const list = async () => {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory() && isKubeconfig(entry.name)).map(({ name }) => name);
  };
  // What cannot be listed is told by the read that follows.
  const paths = async () => [dir, ...(await list().catch(() => [])).map((name) => join(dir, name))];
  let known: readonly string[] = [];
  for await (const _ of watchFiles(paths, context)) {
    try {
      let names = await list();
      // A file that is replaced by removing and writing it is back soon.
      if (known.some((name) => !names.includes(name))) await context.clock.sleep(REWRITE_MS, context.signal);
      names = (await list()).sort();
      if (names.length === 0 && known.length > 1) throw new Error("all of its files are gone at once");
      known = names;
      yield collect(await Promise.all(names.map((name) => readEntry(join(dir, name), context))));
    } catch (error) {
      if (context.signal.aborted) return;
      yield { specs: undefined, errors: new Map([["", unreadable(dir, error)]]) };
    }
  }
}

function isKubeconfig(name: string): boolean {
  return !name.startsWith(".") && ENDINGS.includes(extname(name));
}

type Read = { readonly name: string; readonly spec: ClusterSpec } | { readonly name: string; readonly error: MeshbridgeError };

function collect(read: readonly Read[]): OriginUpdate {
  return {
    specs: new Map(read.map((one) => [one.name, "spec" in one ? one.spec : undefined])),
    errors: new Map(read.flatMap((one) => ("error" in one ? [[one.name, one.error] as const] : []))),
  };
}

async function readNamed(cluster: ClusterSettings, context: Context): Promise<Read> {
  const { settings, baseDir } = context;
  if (cluster.inCluster) {
    const name = cluster.name ?? "in-cluster";
    const spec = {
      name,
      kubeconfig: "in-cluster",
      origin: "the Pod's service account",
      dir: baseDir,
      context: undefined,
      local: true,
    };
    return { name, spec: { ...spec, ...placeOf(cluster, settings) } };
  }
  const path = pathOf(cluster, context);
  const name = cluster.name ?? cluster.context ?? basename(path, extname(path));
  return await readSpec(path, { name, context: cluster.context, ...placeOf(cluster, settings) });
}

function readEntry(path: string, { settings }: Context): Promise<Read> {
  return readSpec(path, { name: basename(path, extname(path)), context: undefined, ...placeOf({}, settings) });
}

async function readSpec(path: string, parts: Pick<ClusterSpec, "name" | "context" | "network" | "locality">): Promise<Read> {
  try {
    // Relative paths in a kubeconfig are meant from where it really is.
    const [read, real] = await Promise.all([readText(path), realpath(path)]);
    if ("reason" in read) return { name: parts.name, error: unreadable(path, read.reason) };
    return { name: parts.name, spec: { ...parts, kubeconfig: read.text, origin: path, dir: dirname(real), local: true } };
  } catch (error) {
    return { name: parts.name, error: unreadable(path, error) };
  }
}

function pathOf({ kubeconfig }: ClusterSettings, { baseDir }: Context): string {
  if (kubeconfig !== undefined) return resolve(baseDir, kubeconfig);
  const [first] = (process.env["KUBECONFIG"] ?? "").split(":").filter((path) => path !== "");
  return first ?? join(homedir(), ".kube", "config");
}

function unreadable(path: string, cause: unknown): MeshbridgeError {
  return fail("MB_KUBECONFIG_INVALID", { origin: path, field: "the whole", reason: reasonOf(cause) }, { cause });
}
