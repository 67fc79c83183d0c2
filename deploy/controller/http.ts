/** /livez, /readyz and /metrics of the controller. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { reasonOf } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import type { ControllerMetrics } from "./metrics.ts";

export interface ProbeOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly metrics: ControllerMetrics;
  /** Why it is not ready; undefined: it is. */
  notReady(): string | undefined;
}

/** Rejects with MB_USAGE when it cannot listen there. Resolves to its address and what ends it. */
export async function serveProbes({ host, port, metrics, notReady }: ProbeOptions) {
  const server = createServer(async (request, response) => {
    const [path] = (request.url ?? "").split("?", 1);
    const answer = (status: number, text: string, type = "text/plain; charset=utf-8") =>
      response.writeHead(status, { "content-type": type }).end(text);
    if (request.method !== "GET" && request.method !== "HEAD") return answer(405, "only GET\n");
    switch (path) {
      case "/livez":
        return answer(200, "ok\n");
      case "/readyz": {
        const reason = notReady();
        return reason === undefined ? answer(200, "ok\n") : answer(503, `${reason}\n`);
      }
      case "/metrics": {
        const { text, type } = await metrics.render();
        return answer(200, text, type);
      }
      default:
        return answer(404, "there are /livez, /readyz and /metrics\n");
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(fail("MB_USAGE", { reason: `cannot listen on ${host}:${port}: ${reasonOf(error)}`, command: "meshbridge deploy" })),
    );
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
