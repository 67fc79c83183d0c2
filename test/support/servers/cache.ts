/**
 * Where real servers for tests live: one folder per name and version, outside the checkout, so that every clone
 * on this machine finds what an earlier one built. `MESHBRIDGE_SERVERS` moves it.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

export type ServerName = "envoy" | "consul" | "zookeeper" | "etcd" | "kubernetes" | "kwok" | "grpcio";

/** The versions the tests are written against. A change here makes the next `npm test` obtain the new one. */
export const SERVER_VERSIONS: Readonly<Record<ServerName, string>> = {
  envoy: "1.40.0",
  consul: "1.20.6",
  zookeeper: "3.9.5",
  etcd: "3.6.8",
  kubernetes: "1.36.3",
  kwok: "0.8.0",
  grpcio: "1.85.0",
};

/** The programs of each server, each in its `bin` folder; a server counts as there when its last one is. */
export const SERVER_PROGRAMS = {
  envoy: ["envoy"],
  consul: ["consul"],
  zookeeper: ["zookeeper"],
  etcd: ["etcd"],
  kubernetes: ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"],
  kwok: ["kwok"],
  grpcio: ["grpcio-python"],
} as const satisfies Readonly<Record<ServerName, readonly string[]>>;

/** A program of any of the servers. */
export type ServerProgram = (typeof SERVER_PROGRAMS)[ServerName][number];

/** The folder of all servers: `$MESHBRIDGE_SERVERS`, else `~/.cache/meshbridge/servers`. */
export function serversDir(): string {
  return process.env["MESHBRIDGE_SERVERS"] ?? join(homedir(), ".cache", "meshbridge", "servers");
}

/** The folder of one server at the version asked for; it may not exist yet. */
export function serverDir(name: ServerName): string {
  return join(serversDir(), `${name}-${SERVER_VERSIONS[name]}`);
}

/** One program inside the cache; it may not exist yet. */
function cachedProgram(name: ServerName, program: string): string {
  return join(serverDir(name), "bin", program);
}

/** True when every program of the server is in the cache. */
export function isCached(name: ServerName): boolean {
  return SERVER_PROGRAMS[name].every((program) => existsSync(cachedProgram(name, program)));
}

/** The program to run: the cached one of the tested version, else one on PATH, else undefined. */
export function findProgram(program: ServerProgram): string | undefined {
  const owner = (Object.keys(SERVER_PROGRAMS) as ServerName[]).find((name) =>
    (SERVER_PROGRAMS[name] as readonly string[]).includes(program),
  );
  const cached = owner === undefined ? undefined : cachedProgram(owner, program);
  if (cached !== undefined && existsSync(cached)) return cached;
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((dir) => join(dir, program))
    .find((path) => existsSync(path));
}
