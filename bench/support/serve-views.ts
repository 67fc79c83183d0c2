/** An xDS server of this process over given views, without a catalog. */
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { createProxies } from "../../src/xds/proxies.ts";
import { createXdsServer } from "../../src/xds/server/server.ts";
import { SILENT_METRICS } from "../../src/xds/server/testing.ts";
import type { Views } from "../../src/xds/views.ts";

/** What the server takes for granted of clients that do not say. */
export const DEFAULTS = { cluster: "c1", network: "default", namespace: "default" };

export interface ServeOptions {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Of each response: its type and its bytes. */
  readonly response: (typeof SILENT_METRICS)["response"];
}

/** Resolves when it listens. The scope ends it, and the views with it. */
export async function serveViews(views: Views, { port, response }: ServeOptions, scope: AsyncDisposableStack): Promise<void> {
  const metrics = { ...SILENT_METRICS, response };
  const env = { views, defaults: DEFAULTS, epoch: "e", clock: systemClock, log: silentLog, metrics };
  const server = createXdsServer({ ...env, proxies: createProxies(systemClock, () => undefined) });
  const address = { kind: "tcp" as const, host: "127.0.0.1", port };
  await server.listen({ address, tls: undefined, insecure: false }, new AbortController().signal);
  scope.defer(async () => {
    await server.drain(300);
    views.close();
  });
}
