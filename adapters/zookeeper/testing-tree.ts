/** The nodes of a ZooKeeper in memory, with zxids as the real one counts them. */
import type { Stat, WatchEvent } from "./connection.ts";
import { childPath, parentPath } from "./tree.ts";

export interface ModelNode {
  readonly data: Uint8Array;
  readonly stat: Stat;
  /** Changed in place. */
  readonly children: Set<string>;
}

export interface ModelTree {
  get(path: string): ModelNode | undefined;
  /** Creates the node with the parents it lacks, or sets its data. An owner, a session's id, makes it ephemeral. */
  put(path: string, data?: string, owner?: string): void;
  /** Removes the node with everything below it; false when there is none. */
  remove(path: string): boolean;
  /** Removes what the session owns. */
  removeOwned(session: string): void;
  /** Every node with its data as text, by path. */
  dump(): ReadonlyMap<string, string>;
  /** Remembers how it is now; calling the result puts it back, zxids and all, without telling anybody. */
  snapshot(): () => void;
}

/** A root without anything below it. `onChange` is called for what a watch may tell, right after it happened. */
export function modelTree(onChange: (event: WatchEvent) => void): ModelTree {
  const nodes = new Map<string, ModelNode>();
  let zxid = 0n;
  nodes.set("/", newNode("", zxid, undefined));

  const touchParent = (path: string, by: 1 | -1) => {
    const parent = parentPath(path);
    const node = nodes.get(parent);
    if (node === undefined) throw new Error(`there is no parent of ${path}`);
    const { children } = node;
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (by === 1) children.add(name);
    else children.delete(name);
    const { stat } = node;
    const counted = { cversion: stat.cversion + 1, numChildren: stat.numChildren + by };
    nodes.set(parent, { ...node, stat: { ...stat, ...counted, pzxid: zxid } });
    onChange({ type: "children", path: parent });
  };

  const put = (path: string, data = "", owner?: string): void => {
    const node = nodes.get(path);
    if (node === undefined && !nodes.has(parentPath(path))) put(parentPath(path));
    zxid++;
    if (node === undefined) {
      nodes.set(path, newNode(data, zxid, owner));
      onChange({ type: "created", path });
      touchParent(path, 1);
      return;
    }
    const stat = { ...node.stat, mzxid: zxid, version: node.stat.version + 1 };
    nodes.set(path, { ...node, data: new TextEncoder().encode(data), stat });
    onChange({ type: "changed", path });
  };

  const remove = (path: string): boolean => {
    const node = nodes.get(path);
    if (node === undefined || path === "/") return false;
    for (const child of [...node.children]) remove(childPath(path, child));
    zxid++;
    nodes.delete(path);
    onChange({ type: "deleted", path });
    touchParent(path, -1);
    return true;
  };

  return {
    get: (path) => nodes.get(path),
    put,
    remove,
    removeOwned(session) {
      for (const [path, { stat }] of [...nodes]) if (stat.ephemeralOwner === ownerOf(session)) remove(path);
    },
    dump: () => new Map([...nodes].map(([path, { data }]) => [path, new TextDecoder().decode(data)])),
    snapshot() {
      const copied = (node: ModelNode): ModelNode => ({ ...node, children: new Set(node.children) });
      const copy = new Map([...nodes].map(([path, node]) => [path, copied(node)]));
      const at = zxid;
      return () => {
        nodes.clear();
        for (const [path, node] of copy) nodes.set(path, copied(node));
        zxid = at;
      };
    },
  };
}

function newNode(data: string, zxid: bigint, owner: string | undefined): ModelNode {
  const versions = { version: 0, cversion: 0, numChildren: 0 };
  const stat = { czxid: zxid, mzxid: zxid, pzxid: zxid, ephemeralOwner: ownerOf(owner), ...versions };
  return { data: new TextEncoder().encode(data), stat, children: new Set() };
}

function ownerOf(session: string | undefined): bigint {
  return session === undefined ? 0n : BigInt(`0x${session}`);
}
