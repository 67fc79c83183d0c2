/** What every command gets: where to write, whom to ask, and what the composition root brought along. */
import type { Flags } from "../config/overrides.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Adapter } from "../registry/adapter.ts";
import type { WriterKind } from "../sidecar/writer.ts";
import type { Environment, Terminal } from "./terminal.ts";

/** What the composition root hands in. */
export interface CliDeps {
  /** Of this program. */
  readonly version: string;
  readonly adapters: readonly Adapter[];
  /** Kinds of registry that the sidecar can write to. */
  readonly writers: readonly WriterKind[];
  /**
   * Runs the bridge until it is told to stop; resolves with the exit code. The flags are settings that win over the
   * file, as `loadConfig` takes them. Throws errors of the table.
   */
  serve(configPath: string, flags: Flags): Promise<number>;
  /** Runs the registry-sync sidecar until it is told to stop and has drained; resolves with the exit code. Throws errors of the table. */
  sidecar(configPath: string): Promise<number>;
}

/** The world around the program: `systemWorld` for the real one, something else in tests. */
export interface CliWorld {
  readonly terminal: Terminal;
  readonly env: Environment;
  readonly clock: Clock;
  readonly hostname: string;
  readonly signal: AbortSignal;
}

export interface CommandContext extends CliDeps, CliWorld {
  /** Ends the program with this code when the command is done. Without a call it is 0. */
  exit(code: number): void;
}
