/** A program that is told what to do by JSON lines on stdin and answers so on stdout. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface Answer {
  readonly type: string;
  readonly [key: string]: unknown;
}

export interface LineProgram {
  readonly pid: number;
  send(message: object): void;
  /** The next answer of this type from now on. Rejects when the program fails, ends or takes longer. */
  reply<T extends Answer>(type: T["type"], withinMs: number): Promise<T>;
}

export interface LineCommand {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const STOP_MS = 5000;

/** Starts it; it ends with the scope, at the latest 5 s after its stdin has closed. */
export function startLineProgram(scope: AsyncDisposableStack, { command, args = [], env = {} }: LineCommand): LineProgram {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  const waiting = new Map<string, (answer: Answer) => void>();
  const failing = new Set<(reason: string) => void>();
  const failed = (reason: string) => {
    for (const fail of failing) fail(reason);
  };
  child.once("error", (error) => failed(error.message));
  child.once("exit", (code, signal) => failed(`it ended: ${code ?? signal}`));
  child.stdin.on("error", (error) => failed(error.message));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const answer = JSON.parse(line) as Answer;
    if (answer.type === "failed") failed(String(answer["reason"]));
    else waiting.get(answer.type)?.(answer);
  });
  scope.defer(() => end(child));
  return {
    pid: child.pid ?? 0,
    send: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    reply<T extends Answer>(type: T["type"], withinMs: number) {
      const promise = new Promise<T>((resolve, reject) => {
        const settle = () => {
          clearTimeout(timer);
          waiting.delete(type);
          failing.delete(fail);
        };
        const fail = (reason: string) => {
          settle();
          reject(new Error(`${command} ${args.join(" ")}: ${reason}`));
        };
        const timer = setTimeout(() => fail(`no "${type}" within ${withinMs} ms`), withinMs);
        failing.add(fail);
        waiting.set(type, (answer) => {
          settle();
          resolve(answer as T);
        });
      });
      // Handled by whoever awaits it, which may be later: a failure before that must not end the process.
      promise.catch(() => undefined);
      return promise;
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.stdin?.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await exited;
  clearTimeout(timer);
}
