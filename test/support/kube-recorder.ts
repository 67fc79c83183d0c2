/**
 * An API server's door that writes down every write that goes through it, and can be told what to do right after one was
 * answered. Whoever comes this way speaks the same tokens; only the certificate is another.
 */
import { Agent, createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { selfSigned } from "./certificate.ts";
import type { Cluster } from "./kubernetes.ts";

export interface RecordedWrite {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  readonly body: string;
}

export interface KubeRecorder {
  /** For the client's kubeconfig. */
  readonly server: string;
  readonly ca: string;
  /** In the order in which they were answered; not those that `ignore` names. */
  readonly writes: readonly RecordedWrite[];
  /** Asked with a write that has come and was not sent on yet, which waits until it resolves. */
  before: ((write: Omit<RecordedWrite, "status">) => Promise<void>) | undefined;
  /** Called when a write has been done and before its answer goes on. */
  after: ((write: RecordedWrite) => void) | undefined;
}

export async function startKubeRecorder(
  cluster: Cluster,
  ignore: (path: string) => boolean,
  scope: AsyncDisposableStack,
): Promise<KubeRecorder> {
  const pair = selfSigned("127.0.0.1");
  const writes: RecordedWrite[] = [];
  const agent = new Agent({ ca: cluster.ca, keepAlive: true });
  const server = createServer(pair, (incoming, outgoing) => {
    const { method = "GET", url = "/", headers } = incoming;
    const target = new URL(url, cluster.url);
    const path = target.pathname;
    const isWrite = !["GET", "HEAD"].includes(method) && !ignore(path);
    const chunks: Buffer[] = [];
    const bodyText = () => Buffer.concat(chunks).toString("utf8");
    const onward = request(target, { method, headers, agent }, (answer) => {
      if (isWrite) {
        const write = { method, path, status: answer.statusCode ?? 0, body: bodyText() };
        writes.push(write);
        recorder.after?.(write);
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    if (!isWrite) incoming.pipe(onward);
    else
      incoming.on("end", async () => {
        await recorder.before?.({ method, path, body: bodyText() });
        onward.end(Buffer.concat(chunks));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const recorder: KubeRecorder = {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: pair.cert,
    writes,
    before: undefined,
    after: undefined,
  };
  return recorder;
}
