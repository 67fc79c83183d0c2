/** From the settings of a registry to what its loop needs; what they do not say is filled in here. */
import { parseDuration } from "../../src/kernel/duration.ts";
import { systemLookup } from "../../src/kernel/lookup.ts";
import type { WatchContext } from "../../src/registry/adapter.ts";
import { createConnect } from "./connect.ts";
import type { Connect } from "./connection.ts";
import { createPackageConnect } from "./package-client.ts";
import type { KnownSettings } from "./schema.ts";
import { createSelection } from "./selection.ts";
import { parseServer, type Server } from "./servers.ts";
import type { WatchOptions } from "./watch.ts";
import { createWireConnect } from "./wire/connection.ts";

const DEFAULT_SERVER: Server = { host: "127.0.0.1", port: 2181 };
const DEFAULT_PROVIDER_SESSION_MS = 60_000;

/** Connections over the transport that the settings choose. */
export function connectBySettings(config: KnownSettings, context: WatchContext): Connect {
  return createConnect(config, context, config.transport === "package" ? createPackageConnect : createWireConnect);
}

/** Everything but the roots. The settings have passed their schema, so what does not parse is not there. */
export function optionsBySettings(config: KnownSettings, context: WatchContext, connect: Connect): Omit<WatchOptions, "roots"> {
  const servers = (config.servers ?? []).flatMap((text) => parseServer(text) ?? []);
  return {
    connect,
    servers: servers.length === 0 ? [DEFAULT_SERVER] : servers,
    isMeant: createSelection(config),
    providerSessionTimeoutMs: parseDuration(config.providerSessionTimeout ?? "60s") ?? DEFAULT_PROVIDER_SESSION_MS,
    lookup: config.resolve === false ? undefined : systemLookup,
    context,
  };
}
