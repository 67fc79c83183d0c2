/** The configuration file as commands see it: loaded as `serve` would, and where its bridge is to be found. */

import { loadConfig } from "../config/load.ts";
import type { Flags } from "../config/overrides.ts";
import type { ResolvedConfig } from "../config/resolved.ts";
import { type ListenAddress, listenText } from "../kernel/listen-address.ts";
import type { Adapter } from "../registry/adapter.ts";
import type { Environment } from "./terminal.ts";

export interface ConfigReader {
  readonly adapters: readonly Adapter[];
  readonly env: Environment;
}

/** The file, the environment over it, the flags over both. Throws MB_CONFIG_UNREADABLE and MB_CONFIG_INVALID. */
export async function readConfig(
  { adapters, env }: ConfigReader,
  path: string,
  flags: Flags = new Map(),
): Promise<ResolvedConfig> {
  return (await loadConfig({ path, adapters, env, flags })).config;
}

/** Where the admin API of a bridge with this configuration is reached from its own machine, as `--admin` takes it. */
export function adminAddressOf({ admin }: ResolvedConfig): string {
  const listen = dialable(admin.listen);
  return listen.kind === "unix" ? listenText(listen) : `http://${listenText(listen)}`;
}

/** Who listens on all addresses is dialled at the loopback address of the same family. */
export function dialable<Address extends ListenAddress>(address: Address): Address {
  if (address.kind === "unix") return address;
  if (address.host === "0.0.0.0") return { ...address, host: "127.0.0.1" };
  return address.host === "::" ? { ...address, host: "::1" } : address;
}
