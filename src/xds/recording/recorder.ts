/** Writes what streams say into a file of a folder: one file a process. For tests, and for whoever hunts a fault. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { reasonOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { StreamRequest, StreamResponse, Variant } from "../stream/messages.ts";
import { requestRecord, responseRecord, type XdsRecord } from "./record.ts";

/** The names of recordings end so; whatever else is in the folder is not touched. */
export const RECORDING_SUFFIX = ".xds.jsonl";

/** Beyond this much unwritten text lines are left out, and a `gap` says so: a slow disk must not fill the memory. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** One stream's part of the recording. */
export interface StreamRecorder {
  request(request: StreamRequest): void;
  response(response: StreamResponse): void;
  close(): void;
}

export interface Recorder {
  open(identity: { readonly node: string; readonly view: string; readonly variant: Variant }): StreamRecorder;
  /** Resolves when everything is on disk, or cannot be. */
  close(): Promise<void>;
}

/** Creates the folder. A file that cannot be written is a warning: recording never disturbs serving. */
export async function createRecorder(dir: string, { clock, log }: { clock: Clock; log: Log }): Promise<Recorder> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, `${clock.now()}-${process.pid}${RECORDING_SUFFIX}`);
  const file = createWriteStream(path, { mode: 0o600 });
  let failed = false;
  file.on("error", (error) => {
    failed = true;
    log.warn({ path, reason: reasonOf(error) }, "xds recording cannot be written and ends");
  });
  let streams = 0;
  let skipping = false;

  const write = (record: XdsRecord) => {
    if (failed || file.writableEnded) return;
    if (file.writableLength > MAX_WAITING_BYTES) {
      skipping = true;
      return;
    }
    if (skipping) file.write(`${JSON.stringify({ at: record.at, stream: record.stream, kind: "gap" })}\n`);
    skipping = false;
    file.write(`${JSON.stringify(record)}\n`);
  };

  return {
    open(identity) {
      const stream = ++streams;
      const common = () => ({ at: clock.now(), stream });
      write({ ...common(), kind: "open", ...identity });
      return {
        request: (request) => write(requestRecord(request, common())),
        response: (response) => write(responseRecord(response, common())),
        close: () => write({ ...common(), kind: "close" }),
      };
    },
    close: () =>
      new Promise((resolve) => {
        if (failed) resolve();
        else file.end(resolve);
        file.once("error", () => resolve());
      }),
  };
}
