/** The one permitted reason to skip a test: a real server that this machine does not have. */
import { findServer, SERVER_VERSIONS, type ServerName } from "./servers/cache.ts";

export interface Requirement {
  /** For node:test's `skip`: false when everything is there, else the reason and what installs it. */
  readonly skip: string | false;
}

/** Says loudly on stderr what is missing, once a file. */
export function requireServers(...names: readonly ServerName[]): Requirement {
  const missing = names.filter((name) => findServer(name) === undefined);
  if (missing.length === 0) return { skip: false };
  const list = missing.map((name) => `${name} ${SERVER_VERSIONS[name]}`).join(" and ");
  const reason = `${list} not found; obtain with: node test/support/servers/install.ts ${missing.join(" ")}`;
  process.stderr.write(`\n[skipped] these tests need a real server: ${reason}\n\n`);
  return { skip: reason };
}

/** The program of a server that `requireServers` has found. */
export function serverProgram(name: ServerName): string {
  const program = findServer(name);
  if (program === undefined) throw new Error(`${name} is not here: node test/support/servers/install.ts ${name}`);
  return program;
}
