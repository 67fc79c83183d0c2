/** Makes watch events of what the server sends. */
import { reasonOf } from "../../../src/kernel/errors.ts";
import type { Log } from "../../../src/kernel/log.ts";
import { fail } from "../../../src/model/errors.ts";
import type { WatchEvent } from "../connection.ts";
import type { Chroot } from "./paths.ts";
import type { WatcherRecord } from "./records.ts";

/** `Watcher.Event.EventType`, as far as our watches report it. */
const TYPES: ReadonlyMap<number, WatchEvent["type"]> = new Map([
  [1, "created"],
  [2, "deleted"],
  [3, "changed"],
  [4, "children"],
]);

export interface WatchReceiverOptions {
  readonly chroot: Chroot;
  readonly log: Log;
  readonly onWatch: (event: WatchEvent) => void;
}

/**
 * Events of a type that is not known, or of a path outside the chroot, are left out; the first of each kind is logged.
 * Throws MB_INTERNAL when the receiver throws.
 */
export function createWatchReceiver({ chroot, log, onWatch }: WatchReceiverOptions): (record: WatcherRecord) => void {
  let told = false;
  return (record) => {
    const type = TYPES.get(record.type);
    const path = chroot.fromServer(record.path);
    if (type === undefined || path === undefined) {
      if (!told) log.warn({ type: record.type, path: record.path.slice(0, 200) }, "a watch event was left out");
      told = true;
      return;
    }
    try {
      onWatch({ type, path });
    } catch (cause) {
      throw fail("MB_INTERNAL", { reason: `a watch's receiver failed: ${reasonOf(cause)}` }, { cause });
    }
  };
}
