/** The benchmark's side of the load generator. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BootstrapNode } from "./ads-stream.ts";
import type { FromGenerator, ToGenerator } from "./protocol.ts";

const PROGRAM = fileURLToPath(new URL("./generator.ts", import.meta.url));

export type Settled = FromGenerator & { readonly type: "settled" };
export type Round = FromGenerator & { readonly type: "round" };

export interface Generator {
  /** Opens the streams and resolves when all have their endpoints and nothing more has come for `quietMs`. */
  open(
    target: { host: string; port: number },
    options: { streams: number; node: BootstrapNode; quietMs: number },
  ): Promise<Settled>;
  /** Call before the change is made; the promise inside resolves when every stream has acknowledged it. */
  expect(weight: number): Promise<{ readonly round: Promise<Round> }>;
}

/** Starts it; it ends with the scope. Every wait has a deadline of `withinMs`. */
export async function startGenerator(scope: AsyncDisposableStack, withinMs: number): Promise<Generator> {
  const child = fork(PROGRAM, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  scope.defer(() => end(child));
  await reply(child, "ready", withinMs);
  const send = (message: ToGenerator) => child.send(message);
  return {
    async open({ host, port }, { streams, node, quietMs }) {
      const settled = reply(child, "settled", withinMs);
      send({ type: "open", host, port, streams, node, quietMs });
      return settled;
    },
    async expect(weight) {
      const expecting = reply(child, "expecting", withinMs);
      const round = reply(child, "round", withinMs);
      // Handled by whoever awaits it later; a failure before that must not end the process.
      round.catch(() => undefined);
      send({ type: "expect", weight });
      await expecting;
      return { round };
    },
  };
}

function reply<T extends FromGenerator["type"]>(
  child: ChildProcess,
  type: T,
  withinMs: number,
): Promise<FromGenerator & { readonly type: T }> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      child.off("message", take);
      child.off("exit", exited);
    };
    const refuse = (reason: string) => {
      settle();
      reject(new Error(`load generator: ${reason}`));
    };
    const take = (message: FromGenerator) => {
      if (message.type === "failed") refuse(message.reason);
      else if (message.type === type) {
        settle();
        resolve(message as FromGenerator & { readonly type: T });
      }
    };
    const exited = () => refuse("it ended");
    const timer = setTimeout(() => refuse(`no "${type}" within ${withinMs} ms`), withinMs);
    child.on("message", take);
    child.on("exit", exited);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  if (child.connected) child.send({ type: "close" } satisfies ToGenerator);
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await exited;
  clearTimeout(timer);
}
