/** The Consul registry: services of one or more datacentres, with the health Consul knows. */
import { defineAdapter, type WatchContext } from "../../src/registry/adapter.ts";
import { addressOf, createClient } from "./client.ts";
import { watchPart } from "./datacenter.ts";
import { mergeParts } from "./merge.ts";
import type { Part } from "./part.ts";
import { PARALLEL_READS } from "./reader.ts";
import { ConsulSettings } from "./schema.ts";
import { createTransport } from "./transport.ts";
import { FEEDS } from "./view.ts";

export const consul = defineAdapter({
  kind: "consul",
  description: "Services of a Consul catalog with their health, over blocking queries.",
  schema: ConsulSettings,
  async *watch(config, context) {
    const stop = new AbortController();
    const signal = AbortSignal.any([context.signal, stop.signal]);
    const parts = partsOf(config);
    const transport = createTransport(addressOf(config), {
      tls: config.tls,
      baseDir: context.baseDir,
      // Blocking queries hold theirs all the time; what is left is for reading services.
      connections: Math.max(32, parts.length * FEEDS.length + PARALLEL_READS),
    });
    try {
      const watches = parts.map((part) => {
        const client = createClient(config, { context, transport, label: labelOf(part, context) });
        return watchPart({ part, config, client, context: { ...context, signal } });
      });
      yield* mergeParts(watches, context.clock);
    } finally {
      stop.abort();
      transport.close();
    }
  },
});

function partsOf({ datacenters, consulNamespaces }: ConsulSettings): readonly Part[] {
  return (datacenters ?? [undefined]).flatMap((datacenter) =>
    (consulNamespaces ?? [undefined]).map((consulNamespace) => ({ datacenter, consulNamespace })),
  );
}

function labelOf({ datacenter, consulNamespace }: Part, { name }: WatchContext): string {
  const words = [
    ...(datacenter === undefined ? [] : [`datacentre ${datacenter}`]),
    ...(consulNamespace === undefined ? [] : [`namespace ${consulNamespace}`]),
  ];
  return words.length === 0 ? name : `${name} (${words.join(", ")})`;
}
