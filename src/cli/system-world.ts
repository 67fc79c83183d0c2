/** The real terminal, environment and clock. */
import { hostname } from "node:os";
import { systemClock } from "../kernel/clock.ts";
import type { CliWorld } from "./context.ts";
import { createTerminal } from "./terminal.ts";

/** `signal` ends what a command waits for. A reader that closes the pipe early (`| head`) ends the program quietly. */
export function systemWorld(signal: AbortSignal): CliWorld {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  return {
    terminal: createTerminal(process.stdout, process.stderr, process.env),
    env: process.env,
    clock: systemClock,
    hostname: hostname(),
    signal,
  };
}
