/** The one permitted reason to skip a test: a real server that this machine does not have. */
import { findProgram, isCached, SERVER_PROGRAMS, SERVER_VERSIONS, type ServerName, type ServerProgram } from "./servers/cache.ts";

export interface Requirement {
  /** For node:test's `skip`: false when everything is there, else the reason and what installs it. */
  readonly skip: string | false;
}

/** Says loudly on stderr what is missing, once a file. */
export function requireServers(...names: readonly ServerName[]): Requirement {
  const missing = names.filter((name) => !isHere(name));
  if (missing.length === 0) return { skip: false };
  const list = missing.map((name) => `${name} ${SERVER_VERSIONS[name]}`).join(" and ");
  const reason = `${list} not found; obtain with: node test/support/servers/install.ts ${missing.join(" ")}`;
  process.stderr.write(`\n[skipped] these tests need a real server: ${reason}\n\n`);
  return { skip: reason };
}

/** A program of a server that `requireServers` has found. */
export function serverProgram(program: ServerProgram): string {
  const path = findProgram(program);
  if (path === undefined) throw new Error(`${program} is not here: node test/support/servers/install.ts`);
  return path;
}

function isHere(name: ServerName): boolean {
  return isCached(name) || SERVER_PROGRAMS[name].every((program) => findProgram(program) !== undefined);
}
