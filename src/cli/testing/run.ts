/** For tests: one command line in this process, with what it wrote and its exit code. */
import type { Clock } from "../../kernel/clock.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { CliDeps, CliWorld } from "../context.ts";
import { runCli } from "../main.ts";
import { createTerminal, type Environment } from "../terminal.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Environment;
  readonly isTTY?: boolean;
  readonly clock?: Clock;
  readonly deps?: Partial<CliDeps>;
}

/** 2026-11-24T12:00:00Z: the instant that ages in expected output are counted from. */
const TEST_NOW = Date.UTC(2026, 10, 24, 12);

/** Runs `meshbridge <words>`. */
export async function runCommand(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const written = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr") => ({
    isTTY: options.isTTY ?? false,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const env = options.env ?? {};
  const world: CliWorld = {
    terminal: createTerminal(stream("stdout"), stream("stderr"), env),
    env,
    clock: options.clock ?? { ...systemClock, now: () => TEST_NOW },
    hostname: "host-1",
    signal: new AbortController().signal,
  };
  const deps: CliDeps = {
    version: "0.1.0",
    adapters: [],
    writers: [],
    serve: () => Promise.reject(new Error("this test does not serve")),
    sidecar: () => Promise.reject(new Error("this test runs no sidecar")),
    ...options.deps,
  };
  const code = await runCli(["node", "meshbridge", ...words], deps, world);
  return { code, ...written };
}
