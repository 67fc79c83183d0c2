/** The Consul registry: services of one or more datacentres, with the health Consul knows. */
import { defineAdapter, type RegistryEvent, type WatchContext } from "../../src/registry/adapter.ts";
import { mergeParts } from "../../src/registry/parts.ts";
import { addressOf, type ConsulClient, createClient } from "./client.ts";
import { watchPart } from "./datacenter.ts";
import type { Part } from "./part.ts";
import { PARALLEL_READS } from "./reader.ts";
import { ConsulSettings } from "./schema.ts";
import { createTransport } from "./transport.ts";
import { FEEDS } from "./view.ts";

export const consul = defineAdapter({
  kind: "consul",
  description: "Services of a Consul catalog with their health, over blocking queries.",
  schema: ConsulSettings,
  watch: (config, context) => watchConsul(config, context, connectConsul),
});

/** Clients towards one Consul. */
interface Connection {
  client(label: string): ConsulClient;
  close(): void;
}

/** Connects to the Consul of the settings; the real one speaks HTTP. `parts`: how many will be watched over it. */
export type ConnectConsul = (config: ConsulSettings, context: WatchContext, parts: number) => Connection;

/** The whole adapter over a way to connect: tests and simulations bring their own. */
export async function* watchConsul(
  config: ConsulSettings,
  context: WatchContext,
  connect: ConnectConsul,
): AsyncGenerator<RegistryEvent> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const parts = partsOf(config);
  const connection = connect(config, context, parts.length);
  try {
    const watches = parts.map((part) => {
      const client = connection.client(labelOf(part, context));
      return [scopeOf(part), watchPart({ part, config, client, context: { ...context, signal } })] as const;
    });
    yield* mergeParts(new Map(watches), context.clock);
  } finally {
    stop.abort();
    connection.close();
  }
}

const connectConsul: ConnectConsul = (config, context, parts) => {
  const transport = createTransport(addressOf(config), {
    tls: config.tls,
    baseDir: context.baseDir,
    // Blocking queries hold theirs all the time, a pulse needs one of its own; what is left is for reading services.
    connections: Math.max(32, parts * (FEEDS.length + 1) + PARALLEL_READS),
  });
  return {
    client: (label) => createClient(config, { context, transport, label }),
    close: () => transport.close(),
  };
};

function partsOf({ datacenters, consulNamespaces }: ConsulSettings): readonly Part[] {
  return (datacenters ?? [undefined]).flatMap((datacenter) =>
    (consulNamespaces ?? [undefined]).map((consulNamespace) => ({ datacenter, consulNamespace })),
  );
}

/** What the scopes of the part's sources begin with; empty for the only part, which is the whole registry. */
function scopeOf({ datacenter, consulNamespace }: Part): string {
  return [datacenter, consulNamespace].filter((word) => word !== undefined).join("/");
}

function labelOf({ datacenter, consulNamespace }: Part, { name }: WatchContext): string {
  const words = [
    ...(datacenter === undefined ? [] : [`datacentre ${datacenter}`]),
    ...(consulNamespace === undefined ? [] : [`namespace ${consulNamespace}`]),
  ];
  return words.length === 0 ? name : `${name} (${words.join(", ")})`;
}
