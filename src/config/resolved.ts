/** The configuration as the rest of the bridge sees it: every default filled in, every duration in ms, paths absolute. */

import type { ListenAddress } from "../kernel/listen-address.ts";
import type { LinkPolicy } from "../link/policy.ts";
import type { Locality } from "../model/locality.ts";
import type { Adapter } from "../registry/adapter.ts";
import type { RegistrySettings } from "../registry/settings.ts";
import type { IdentityRule } from "../routing/identity-rule.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import type { DnsConfig } from "./dns.ts";
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
  /** What xDS hands out by SDS. */
  readonly secrets: readonly ResolvedSecret[];
  /** Who may read this bridge's exports, and what they are. */
  readonly links: LinkPolicy;
  /** Undefined: no name server. */
  readonly dns: DnsConfig | undefined;
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
  /** None: whoever is let in is believed. */
  readonly identities: readonly IdentityRule[];
  readonly tokens: { readonly registry: string; readonly cluster?: string; readonly audience: string } | undefined;
  readonly insecure: boolean;
  readonly reusePort: boolean;
  readonly syncTimeoutMs: number;
  /** Undefined: clusters are kept for ever. */
  readonly clusterTtlMs: number | undefined;
  readonly clientStatus: boolean;
  /** Absolute; undefined: nothing is recorded. */
  readonly recordTo: string | undefined;
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

/** One of three origins: files by name, a folder, or a Kubernetes Secret. Paths are absolute. */
export interface ResolvedSecret {
  readonly name: string;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly caFile: string | undefined;
  readonly directory: string | undefined;
  readonly kubernetes:
    | { readonly registry: string; readonly cluster?: string; readonly namespace: string; readonly secret: string }
    | undefined;
  /** Who may have it besides those whose resources name it. */
  readonly clients: readonly ResolvedSecretClient[];
}

/** Every part that is given must be equal. */
export interface ResolvedSecretClient {
  readonly role?: string;
  readonly gateway?: string;
  readonly namespace?: string;
  readonly cluster?: string;
}

export interface Origin {
  readonly kind: "flag" | "env" | "file" | "default";
  /** The flag, the variable, or `file:line:column`; empty for a default. */
  readonly name: string;
}
