/**
 * One root of the registry, mirrored: the nodes its format wants, kept up to date by watch events, and the units that
 * changed. Events only say where to look again; what is there now is always read.
 *
 * Correct because of ZooKeeper's order: an event comes before the answer of any request that saw the change. So a path
 * that is noted while it is read is read once more, and a path that is not noted any more is as it was read.
 */
import type { Connection, WatchEvent } from "./connection.ts";
import type { Format, ZnodeView } from "./formats/types.ts";
import { type ReadingResult, readNodes } from "./reading.ts";
import { createTree, parentPath, segmentsBelow } from "./tree.ts";

export interface MirroredRoot {
  readonly path: string;
  readonly format: Format;
  /** Of the last full read and the updates since. */
  readonly view: ZnodeView;
  /** Nodes that are kept. */
  readonly size: number;
  /** Takes a watch event; false when it concerns nothing of this root. */
  note(event: WatchEvent): boolean;
  /** Something was noted that has not been read again. */
  readonly dirty: boolean;
  /** The server does not show a part of it to us. */
  readonly trimmed: boolean;
  /** Asks again for what the server did not show, since nothing tells when rights change. */
  recheck(): void;
  /** Sets the watches of a new connection and reads everything. Until it resolves the view is the old one. */
  resync(connection: Connection): Promise<ReadingResult>;
  /** Reads what was noted. Rejects when the connection ends; then only a `resync` makes the view current again. */
  update(connection: Connection): Promise<ReadingResult>;
  /** The units that updates have changed since the last call. */
  takeUnits(): ReadonlySet<string>;
}

/** Nothing is known before the first `resync`. */
export function createRoot(path: string, format: Format): MirroredRoot {
  let tree = createTree(path);
  let dirty = new Set<string>();
  let units = new Set<string>();
  let refused = new Set<string>();
  let recursive = false;

  const wants = (at: string) => {
    const segments = segmentsBelow(path, at);
    return segments && format.wants(segments);
  };
  const addUnits = (at: string) => {
    const segments = segmentsBelow(path, at);
    if (segments !== undefined) for (const unit of format.unitsOf(segments, tree)) units.add(unit);
  };

  return {
    path,
    format,
    get view() {
      return tree;
    },
    get size() {
      return tree.size;
    },
    note({ type, path: at }) {
      const before = dirty.size;
      const wanted = wants(at);
      if (wanted?.children || wanted?.data) dirty.add(at);
      // A name more or less is what its parent's list says, whether the node itself is read or not.
      if ((type === "created" || type === "deleted") && at !== path && wants(parentPath(at))?.children) dirty.add(parentPath(at));
      return dirty.size > before;
    },
    get dirty() {
      return dirty.size > 0;
    },
    get trimmed() {
      return refused.size > 0;
    },
    recheck() {
      for (const at of refused) dirty.add(at);
    },
    async resync(connection) {
      dirty = new Set();
      recursive = await connection.watchRecursively(path);
      const next = createTree(path);
      const result = await readNodes([path], { connection, format, tree: next, known: tree, recursive, touch: () => undefined });
      tree = next;
      units = new Set();
      refused = new Set(result.refused);
      return result;
    },
    async update(connection) {
      const starts = dirty;
      dirty = new Set();
      const touched = new Set<string>();
      const touch = (at: string) => {
        touched.add(at);
        // What the node meant before counts as well as what it means now.
        addUnits(at);
      };
      const result = await readNodes(starts, { connection, format, tree, known: tree, recursive, touch });
      for (const at of touched) addUnits(at);
      for (const at of starts) refused.delete(at);
      for (const at of result.refused) refused.add(at);
      return result;
    },
    takeUnits() {
      const taken = units;
      units = new Set();
      return taken;
    },
  };
}
