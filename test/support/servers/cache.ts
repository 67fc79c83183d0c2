/**
 * Where real servers for tests live: one folder per name and version, outside the checkout, so that every clone
 * on this machine finds what an earlier one built. `MESHBRIDGE_SERVERS` moves it.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

export type ServerName = "envoy" | "consul";

/** The versions the tests are written against. A change here makes the next `npm test` obtain the new one. */
export const SERVER_VERSIONS: Readonly<Record<ServerName, string>> = { envoy: "1.40.0", consul: "1.20.6" };

/** The folder of all servers: `$MESHBRIDGE_SERVERS`, else `~/.cache/meshbridge/servers`. */
function serversDir(): string {
  return process.env["MESHBRIDGE_SERVERS"] ?? join(homedir(), ".cache", "meshbridge", "servers");
}

/** The folder of one server at the version asked for; it may not exist yet. */
export function serverDir(name: ServerName): string {
  return join(serversDir(), `${name}-${SERVER_VERSIONS[name]}`);
}

/** The program of one server inside the cache; it may not exist yet. */
export function cachedBinary(name: ServerName): string {
  return join(serverDir(name), "bin", name);
}

/** The program to run: the cached one of the tested version, else one on PATH, else undefined. */
export function findServer(name: ServerName): string | undefined {
  const cached = cachedBinary(name);
  if (existsSync(cached)) return cached;
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find((path) => existsSync(path));
}
