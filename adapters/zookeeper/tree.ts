/** What is known of the nodes of one root, as they were read. Deterministic, no I/O. */
import type { Stat } from "./connection.ts";
import type { ZnodeView } from "./formats/types.ts";

/** A node as it was read; a part that is not wanted is undefined. */
export interface ReadNode {
  readonly stat: Stat;
  readonly children: readonly string[] | undefined;
  readonly data: Uint8Array | undefined;
}

/** The nodes of one root by path; a path that is not in it does not exist, or was not read. */
export interface Tree extends ZnodeView {
  readonly root: string;
  readonly size: number;
  get(path: string): ReadNode | undefined;
  /**
   * Takes what was read of a node, undefined being that there is none. Children it no longer has go with all that is
   * below them. Returns the children of which nothing is known yet: they are to be read. `touch` is called for each node
   * that differs, before it does.
   */
  set(path: string, node: ReadNode | undefined, touch: (path: string) => void): readonly string[];
}

/** An empty tree. */
export function createTree(root: string): Tree {
  const nodes = new Map<string, ReadNode>();

  const drop = (path: string, touch: (path: string) => void) => {
    const node = nodes.get(path);
    if (node === undefined) return;
    // Leaves first, so that whoever is told finds everything above still as it was.
    for (const child of node.children ?? []) drop(childPath(path, child), touch);
    touch(path);
    nodes.delete(path);
  };

  return {
    root,
    get size() {
      return nodes.size;
    },
    get: (path) => nodes.get(path),
    children: (path) => nodes.get(path)?.children ?? [],
    data: (path) => nodes.get(path)?.data,
    stat: (path) => nodes.get(path)?.stat,
    set(path, node, touch) {
      if (node === undefined) {
        drop(path, touch);
        return [];
      }
      const before = nodes.get(path);
      const changed = before === undefined || !sameNode(before, node);
      if (changed) touch(path);
      const now = new Set(node.children);
      for (const child of before?.children ?? []) if (!now.has(child)) drop(childPath(path, child), touch);
      nodes.set(path, node);
      return [...now].map((child) => childPath(path, child)).filter((child) => !nodes.has(child));
    },
  };
}

/** Whether nothing can have happened to the node between two readings, as its zxids tell. */
function sameNode(a: ReadNode, b: ReadNode): boolean {
  const { stat: one } = a;
  const { stat: other } = b;
  return one.czxid === other.czxid && one.mzxid === other.mzxid && one.pzxid === other.pzxid;
}

/**
 * Whether the server went back in time between two readings of one path: zxids of a path never fall, not even when the
 * node is removed and created again.
 */
export function wentBack(before: Stat, after: Stat): boolean {
  return after.czxid < before.czxid || after.mzxid < before.mzxid || after.pzxid < before.pzxid;
}

/** The path of a child; the root of everything is `/`. */
export function childPath(path: string, name: string): string {
  return path === "/" ? `/${name}` : `${path}/${name}`;
}

/** The path above; `/` for what is right below it. */
export function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The names from the root down to the path, none for the root itself; undefined when it is not below the root. */
export function segmentsBelow(root: string, path: string): readonly string[] | undefined {
  if (path === root) return [];
  const prefix = root === "/" ? "/" : `${root}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length).split("/") : undefined;
}
