/** Programs that tests run: started, watched, and always reaped, also when a test fails or the runner is told to stop. */
import { type ChildProcess, spawn } from "node:child_process";
import { reasonOf } from "../../src/kernel/errors.ts";

const KEPT_OUTPUT_CHARS = 256 * 1024;
const GRACE_MS = 10_000;

export interface ProgramSpec {
  /** For messages. */
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly title: string;
  readonly pid: number;
  /** The end of what it wrote (256 Ki characters of each). */
  stdout(): string;
  stderr(): string;
  /** Undefined while it runs. */
  readonly exit: ExitStatus | undefined;
  readonly exited: Promise<ExitStatus>;
  /** Stands still (SIGSTOP): sockets stay open and nobody answers. */
  pause(): void;
  resume(): void;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when it has not ended after `graceMs` (default 10 s). */
  stop(graceMs?: number): Promise<ExitStatus>;
  kill(): Promise<ExitStatus>;
}

const running = new Set<ChildProcess>();
let guarded = false;

/** Starts a program, which ends with `scope` at the latest. It is not ready yet: poll for what makes it so. */
export function startProgram(spec: ProgramSpec, scope: AsyncDisposableStack): Program {
  guardAgainstOrphans();
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { ...process.env, ...spec.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  let exit: ExitStatus | undefined;
  const exited = new Promise<ExitStatus>((resolve) => {
    const end = (status: ExitStatus) => {
      running.delete(child);
      exit ??= status;
      resolve(exit);
    };
    child.once("error", (error) => {
      stderr.add(`${spec.command}: ${reasonOf(error)}\n`);
      end({ code: null, signal: null });
    });
    child.once("close", (code, signal) => end({ code, signal }));
  });
  const program: Program = {
    title: spec.title,
    pid: child.pid ?? -1,
    stdout: stdout.text,
    stderr: stderr.text,
    get exit() {
      return exit;
    },
    exited,
    pause: () => program.signal("SIGSTOP"),
    resume: () => program.signal("SIGCONT"),
    signal: (signal) => {
      if (exit === undefined) child.kill(signal);
    },
    async stop(graceMs = GRACE_MS) {
      program.signal("SIGTERM");
      const timer = setTimeout(() => program.signal("SIGKILL"), graceMs);
      return exited.finally(() => clearTimeout(timer));
    },
    async kill() {
      program.signal("SIGKILL");
      return exited;
    },
  };
  scope.defer(async () => {
    await program.kill();
  });
  return program;
}

/** Runs a program to its end. Rejects when that takes longer than `withinMs`; a code other than 0 is for the caller to judge. */
export async function runProgram(
  spec: ProgramSpec,
  withinMs = 30_000,
): Promise<ExitStatus & { readonly stdout: string; readonly stderr: string }> {
  await using scope = new AsyncDisposableStack();
  const program = startProgram(spec, scope);
  const tooLong = AbortSignal.timeout(withinMs);
  const late = new Promise<never>((_, reject) => {
    tooLong.addEventListener("abort", () =>
      reject(new Error(`${spec.title} ran longer than ${withinMs} ms\n${outputOf(program)}`)),
    );
  });
  const status = await Promise.race([program.exited, late]);
  return { ...status, stdout: program.stdout(), stderr: program.stderr() };
}

/** Throws when the program has ended: for readiness polls, which should not wait for the dead. */
class ProgramEnded extends Error {}

/** Waits until `check` no longer throws; gives up at once when the program ends, showing what it wrote. */
export async function untilReady(program: Program, check: () => Promise<unknown>, withinMs = 30_000): Promise<number> {
  const started = performance.now();
  for (;;) {
    if (program.exit !== undefined)
      throw new ProgramEnded(
        `${program.title} ended (${JSON.stringify(program.exit)}) before it was ready\n${outputOf(program)}`,
      );
    let failure: unknown;
    try {
      await check();
      return Math.round(performance.now() - started);
    } catch (error) {
      // Not ready yet; told when the time is over.
      failure = error;
    }
    if (performance.now() - started > withinMs)
      throw new Error(`${program.title} was not ready in ${withinMs} ms: ${reasonOf(failure)}\n${outputOf(program)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function outputOf(program: Program): string {
  return `--- stdout ---\n${program.stdout().slice(-4000)}\n--- stderr ---\n${program.stderr().slice(-8000)}`;
}

function collect(stream: NodeJS.ReadableStream): { text: () => string; add: (more: string) => void } {
  let text = "";
  const add = (more: string) => {
    text = (text + more).slice(-KEPT_OUTPUT_CHARS);
  };
  stream.on("data", (chunk: Buffer) => add(chunk.toString("utf8")));
  return { text: () => text, add };
}

/** The last line of defence: no child outlives this process, however it ends short of its own SIGKILL. */
function guardAgainstOrphans(): void {
  if (guarded) return;
  guarded = true;
  const reap = () => {
    for (const child of running) child.kill("SIGKILL");
  };
  process.on("exit", reap);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      reap();
      process.exit(1);
    });
}
