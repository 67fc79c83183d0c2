/** Where this bridge keeps its state when the configuration does not say. */
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * `$STATE_DIRECTORY` as systemd sets it; else a folder of its own for each configuration file, so that two bridges of
 * one user never share one.
 */
export function defaultStateDir(configPath: string, env: Readonly<Record<string, string | undefined>>): string {
  const systemd = env["STATE_DIRECTORY"]?.split(":", 1)[0];
  if (systemd) return systemd;
  const base = env["XDG_STATE_HOME"] || join(homedir(), ".local", "state");
  const own = createHash("sha256").update(resolve(configPath)).digest("hex").slice(0, 12);
  return join(base, "meshbridge", own);
}
