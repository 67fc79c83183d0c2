/** Binding the admin API to a TCP port or a Unix socket. */
import { chmod, lstat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { reasonOf } from "../kernel/errors.ts";
import { type ListenAddress, listenText } from "../kernel/listen-address.ts";
import { fail } from "../model/errors.ts";

/** Resolves with the address for people. Throws MB_LISTEN_FAILED. A Unix socket is its owner's alone. */
export async function listenAdmin(app: FastifyInstance, listen: ListenAddress): Promise<string> {
  try {
    if (listen.kind === "tcp") return await app.listen({ host: listen.host, port: listen.port });
    await removeStaleSocket(listen.path);
    await app.listen({ path: listen.path });
    await chmod(listen.path, 0o600);
    return `unix:${listen.path}`;
  } catch (error) {
    throw fail(
      "MB_LISTEN_FAILED",
      { address: listenText(listen), purpose: "the admin API", reason: reasonOf(error) },
      { cause: error },
    );
  }
}

/** A socket file that nobody answers on is left over from a process that was killed. Anything else is left alone. */
async function removeStaleSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (stat?.isSocket() && !(await answers(path))) await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Only a refusal means that nobody listens: a server with a full queue answers with another error.
    socket.once("error", (error) => resolve(!("code" in error && error.code === "ECONNREFUSED")));
  });
}
