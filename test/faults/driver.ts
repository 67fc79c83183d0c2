/** What the fault matrix needs of a registry: instances put and removed as providers do, and ways to hurt it. */
import type { FaultProxy } from "../support/fault-proxy.ts";

export const REGISTRY_KINDS = ["consul", "zookeeper", "kubernetes"] as const;
export type RegistryKind = (typeof REGISTRY_KINDS)[number];

/** An instance as the matrix counts it: `address:port` is what proxies are told. */
export interface TestInstance {
  readonly service: string;
  readonly address: string;
  readonly port: number;
}

/** What can be done to a registry, and undone. `inflict` resolves when it is done, `heal` when the registry serves again. */
export interface FaultHandle {
  inflict(): Promise<void>;
  heal(): Promise<void>;
  /** True: the fault takes the registry's data, and the providers register again after `heal`. */
  readonly losesData?: boolean;
}

/** How a registry is started for one cell. */
export interface DriverOptions {
  /** With TLS and credentials that can be rotated. */
  readonly secured?: boolean;
  /** Several servers, of which one leads. */
  readonly replicated?: boolean;
}

/** A running registry. */
export interface RegistryDriver {
  readonly kind: RegistryKind;
  /** Its entry in the configuration of the bridge. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Files the entry names, to be written into the workspace. */
  readonly files: Readonly<Record<string, string>>;
  /** Told once, before any fault: writes a file of the workspace as it is, half or whole. */
  useWorkspace(write: (name: string, text: string) => Promise<void>): void;
  /** Between the bridge and the registry. */
  readonly proxy: FaultProxy;
  /** The name under which proxies know the service. */
  clusterOf(service: string): string;
  /** Registers it as its provider would, or again; all of them at once where the registry can. */
  put(instances: readonly TestInstance[]): Promise<void>;
  remove(instances: readonly TestInstance[]): Promise<void>;
  /** SIGKILL of the registry; healed by its restart with the same data. */
  readonly kill: FaultHandle;
  /** SIGSTOP of everything of the registry that answers. */
  readonly stop: FaultHandle;
  /** Restarted without any data. */
  readonly restartEmpty: FaultHandle;
  /** Restarted with the data it had when `snapshot` was called. */
  readonly restartOld: FaultHandle & { snapshot(): Promise<void> };
  /** Its sessions expire, or its watches cannot be resumed. Undefined: it has neither. */
  readonly expire: FaultHandle | undefined;
  readonly revoke: FaultHandle;
  /** Only when secured: a credential and an authority are replaced, with a half-written file in between. */
  readonly rotate: FaultHandle;
  /** Only when replicated: the server that leads is killed. */
  readonly changeLeader: FaultHandle;
}

export type StartDriver = (options: DriverOptions, scope: AsyncDisposableStack) => Promise<RegistryDriver>;

export function endpointOf({ address, port }: TestInstance): string {
  return `${address}:${port}`;
}
