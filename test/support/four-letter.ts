/** ZooKeeper's "four letter words": one question a connection, in plain text. Reference: ZooKeeper Administrator's Guide. */
import { connect } from "node:net";

const WITHIN_MS = 2000;

/** What the server answers to one word (`ruok`, `srvr`, `mntr`, `cons`). Rejects on a broken or silent connection. */
function fourLetterWord(port: number, word: string, withinMs = WITHIN_MS): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(word));
    // Wall time and not a socket timeout: a server that stands still lets the connection come about.
    const timer = setTimeout(() => socket.destroy(new Error(`${word} was not answered in ${withinMs} ms`)), withinMs);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
    socket.on("error", reject);
    socket.on("close", (broken) => {
      clearTimeout(timer);
      if (!broken) resolve(text);
    });
  });
}

export type ZooKeeperRole = "standalone" | "leader" | "follower" | "observer";

/** What the server is at the moment. Rejects while it serves nobody. */
export async function roleOf(port: number): Promise<ZooKeeperRole> {
  const answer = await fourLetterWord(port, "srvr");
  const mode = /^Mode: (standalone|leader|follower|observer)$/m.exec(answer)?.[1];
  if (mode === undefined) throw new Error(`it does not serve: ${answer.trim().slice(0, 200)}`);
  return mode as ZooKeeperRole;
}
