/** All roots of a registry, mirrored together over its one connection. */
import type { Connection, WatchEvent } from "./connection.ts";
import type { ReadingResult } from "./reading.ts";
import type { MirroredRoot } from "./root.ts";

export interface Mirror {
  readonly roots: readonly MirroredRoot[];
  /** Takes a watch event; true when something is to be read again because of it. */
  note(event: WatchEvent): boolean;
  /** Something was noted that has not been read again. */
  readonly dirty: boolean;
  /** The server does not show a part of it to us. */
  readonly trimmed: boolean;
  /** Asks again for what the server did not show. */
  recheck(): void;
  /**
   * Reads everything over a new connection, with its watches set before. Resolves with whether something was older than it
   * was known. Rejects when the connection ends: each root then is either as it was or as it was read.
   */
  resync(connection: Connection): Promise<{ readonly wentBack: boolean }>;
  /** Reads what was noted. Rejects when the connection ends. */
  update(connection: Connection): Promise<{ readonly wentBack: boolean }>;
}

/** Roots are read one after the other, so that their requests under way share one bound. */
export function createMirror(roots: readonly MirroredRoot[]): Mirror {
  const each = async (chosen: readonly MirroredRoot[], read: (root: MirroredRoot) => Promise<ReadingResult>) => {
    let wentBack = false;
    for (const root of chosen) if ((await read(root)).wentBack) wentBack = true;
    return { wentBack };
  };
  return {
    roots,
    note(event) {
      let concerns = false;
      for (const root of roots) if (root.note(event)) concerns = true;
      return concerns;
    },
    get dirty() {
      return roots.some(({ dirty }) => dirty);
    },
    get trimmed() {
      return roots.some(({ trimmed }) => trimmed);
    },
    recheck() {
      for (const root of roots) root.recheck();
    },
    resync: (connection) => each(roots, (root) => root.resync(connection)),
    update: (connection) =>
      each(
        roots.filter(({ dirty }) => dirty),
        (root) => root.update(connection),
      ),
  };
}
