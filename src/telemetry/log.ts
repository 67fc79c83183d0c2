/** The log: pino behind our own small interface. The only file that knows pino. */
import { type DestinationStream, type Logger, pino } from "pino";
import { build as pretty, prettyFactory } from "pino-pretty";
import { MeshbridgeError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";

export interface LogOptions {
  readonly level: string;
  readonly format: "json" | "pretty";
  /** Takes each line in the format asked for. Default: standard error, written at once, so that nothing is lost at the end. */
  readonly destination?: DestinationStream;
}

export interface LogControl {
  readonly log: Log;
  level(): string;
  /** Counts from the next line on, for every child as well. */
  setLevel(level: string): void;
}

/** Levels by name: a number means nothing to whoever greps. */
const formatters = { level: (level: string) => ({ level }) };

export function createLog({ level, format, destination }: LogOptions): LogControl {
  const sink = sinkOf(format, destination);
  // The root lets everything through: the level is asked for at each line, so that children made long ago follow it.
  const root = pino(
    { level: "trace", base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters, serializers: { err: serializeError } },
    sink,
  );
  const control = { level };
  return {
    log: wrap(root, control),
    level: () => control.level,
    setLevel: (next) => {
      control.level = next;
    },
  };
}

function sinkOf(format: LogOptions["format"], destination: DestinationStream | undefined): DestinationStream {
  if (format === "json") return destination ?? pino.destination({ dest: 2, sync: true });
  if (destination === undefined) return pretty({ destination: 2, sync: true, ignore: "pid,hostname" });
  const prettify = prettyFactory({ colorize: false, ignore: "pid,hostname" });
  return { write: (line) => destination.write(prettify(line)) };
}

type Level = "debug" | "info" | "warn" | "error";

function wrap(logger: Logger, control: { readonly level: string }): Log {
  const { values } = logger.levels;
  const write = (level: Level) => (fields: object, message: string) => {
    if ((values[level] ?? 0) >= (values[control.level] ?? 0)) logger[level](fields, message);
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (fields) => wrap(logger.child(fields), control),
  };
}

/** An error of the table as its code, sentence and next step; any other with its stack, since nobody expected it. */
function serializeError(error: unknown): object {
  if (error instanceof MeshbridgeError) return { code: error.code, message: error.message, next: error.next };
  if (error instanceof Error) return { message: error.message, stack: error.stack };
  return { message: String(error) };
}
