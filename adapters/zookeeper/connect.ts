/** From settings to connections: credentials and certificates are read where the configuration says they are. */
import { parseDuration } from "../../src/kernel/duration.ts";
import type { Secret } from "../../src/kernel/secret.ts";
import type { WatchContext } from "../../src/registry/adapter.ts";
import { readSecret, readTlsFiles } from "../../src/registry/credentials.ts";
import type { SecretRef } from "../../src/registry/settings.ts";
import type { Connect, TlsOptions, TransportOptions } from "./connection.ts";

/** What of the settings is about the connection. */
export interface ConnectSettings {
  readonly chroot?: string;
  readonly auth?: { readonly scheme?: "digest"; readonly secret: SecretRef };
  readonly tls?: {
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly serverName?: string;
  };
  readonly sessionTimeout?: string;
}

export const DEFAULT_SESSION_TIMEOUT = "30s";

type Context = Pick<WatchContext, "name" | "baseDir" | "clock" | "log">;

/**
 * Connections over the transport that `make` gives. Secret and certificates are read again for every connection, so that
 * what was rotated counts at the next one; a secret that cannot be read is that attempt's failure.
 */
export function createConnect(
  settings: ConnectSettings,
  context: Context,
  make: (options: TransportOptions) => Connect,
): Connect {
  const { auth, tls, chroot } = settings;
  const options = (secret: Secret | undefined): TransportOptions => ({
    ...{ registry: context.name, clock: context.clock, log: context.log, chroot },
    sessionTimeoutMs: parseDuration(settings.sessionTimeout ?? DEFAULT_SESSION_TIMEOUT) ?? 30_000,
    auth: secret === undefined ? [] : [{ scheme: "digest", credentials: secret }],
    ...(tls !== undefined && { tls: () => tlsOptions(tls, context.baseDir) }),
  });
  let current: { readonly text: string | undefined; readonly connect: Connect } | undefined;
  return async (request) => {
    const secret = auth === undefined ? undefined : await readSecret(auth.secret, context);
    const text = secret?.reveal();
    if (current === undefined || current.text !== text) current = { text, connect: make(options(secret)) };
    return current.connect(request);
  };
}

async function tlsOptions(tls: NonNullable<ConnectSettings["tls"]>, baseDir: string): Promise<TlsOptions> {
  const { serverName: servername } = tls;
  return { ...(await readTlsFiles(tls, baseDir, "ZooKeeper")), ...(servername !== undefined && { servername }) };
}
