/** The configuration as the rest of the bridge sees it: every default filled in, every duration in ms, paths absolute. */

import type { ListenAddress } from "../kernel/listen-address.ts";
import type { Locality } from "../model/locality.ts";
import type { Adapter } from "../registry/adapter.ts";
import type { RegistrySettings } from "../registry/settings.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import type { LOG_LEVELS } from "./schema/mesh.ts";
import type { ConfigFile } from "./schema.ts";

export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ResolvedConfig {
  readonly mesh: MeshConfig;
  readonly xds: XdsConfig;
  readonly admin: AdminConfig;
  readonly log: {
    readonly level: LogLevel;
    /** Undefined: pretty on a terminal, else json. */
    readonly format: "json" | "pretty" | undefined;
  };
  readonly state: {
    readonly keep: boolean;
    /** Absolute; undefined: the default of the machine. */
    readonly dir: string | undefined;
  };
  /** In the order of the file, which counts where registries name the same service. */
  readonly registries: readonly ResolvedRegistry[];
  readonly traffic: TrafficPolicy;
  /** Equal exactly when two configurations want the same of traffic; `traffic` itself holds a function. */
  readonly trafficKey: string;
  /** The folder that relative paths are meant from: that of the file. */
  readonly baseDir: string;
  /** The file with overrides and defaults in it, for display; show it through `redact` only. */
  readonly raw: ConfigFile;
  /** Where each single value of `raw` comes from, by dotted path. */
  readonly origins: ReadonlyMap<string, Origin>;
}

export interface MeshConfig {
  readonly domain: string;
  readonly cluster: string;
  readonly network: string;
  readonly locality: Locality;
}

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | undefined;
}

export interface XdsConfig {
  readonly listen: ListenAddress & { readonly kind: "tcp" };
  readonly tls: TlsFiles | undefined;
  readonly insecure: boolean;
  readonly syncTimeoutMs: number;
}

export interface AdminConfig {
  readonly listen: ListenAddress;
  readonly insecure: boolean;
}

export interface ResolvedRegistry {
  readonly name: string;
  readonly kind: string;
  readonly adapter: Adapter;
  /** The adapter's own settings, as its schema says, defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly settings: RegistrySettings;
}

export interface Origin {
  readonly kind: "flag" | "env" | "file" | "default";
  /** The flag, the variable, or `file:line:column`; empty for a default. */
  readonly name: string;
}
