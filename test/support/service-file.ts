/** What a file registry reads, as objects to be written as YAML. */
import type { Backend } from "./backend.ts";

export interface FileInstance {
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly weight?: number;
  readonly health?: string;
  readonly locality?: object;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface FileService {
  readonly name: string;
  readonly namespace?: string;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol?: string }[];
  readonly instances: readonly FileInstance[];
}

/** An instance on a backend, under one port name. */
export function instanceOf(backend: Backend, extra: Partial<FileInstance> = {}, port = "http"): FileInstance {
  return { address: backend.address, ports: { [port]: backend.port }, ...extra };
}

/** An HTTP service `default/NAME` with a port `http` 80. */
export function httpService(name: string, instances: readonly FileInstance[]): FileService {
  return { name, namespace: "default", ports: [{ name: "http", port: 80, protocol: "HTTP" }], instances };
}

export function serviceFile(...services: readonly FileService[]): object {
  return { services };
}

/** How Envoy shows the host of a backend. */
export function hostOf(backend: Backend): string {
  return `${backend.address}:${backend.port}`;
}
