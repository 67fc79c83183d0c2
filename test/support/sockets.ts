/** One connection, everything the other side says on it. */
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";

const WITHIN_MS = 5000;

/** What a TCP server says until it closes. Rejects on a broken connection and after 5 s. */
export function readTcp(port: number, host = "127.0.0.1"): Promise<string> {
  return readAll(connectTcp({ port, host }));
}

/** What a TLS server says until it closes, asked for by SNI; its certificate is not checked, only that it speaks TLS. */
export function readTls(port: number, servername: string, host = "127.0.0.1"): Promise<string> {
  return readAll(connectTls({ port, host, servername, rejectUnauthorized: false }));
}

function readAll(socket: ReturnType<typeof connectTcp>): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setTimeout(WITHIN_MS, () => socket.destroy(new Error(`silent for ${WITHIN_MS} ms`)));
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
    socket.on("error", reject);
    socket.on("end", () => socket.end());
    socket.on("close", (broken) => {
      if (!broken) resolve(text);
    });
  });
}
