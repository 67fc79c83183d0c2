/** Composition root of the command line: hands it the adapters and how to run the bridge. */
import { readFileSync } from "node:fs";
import { adapters } from "../../adapters/index.ts";
import { writers } from "../../adapters/writers.ts";
import { runCli } from "../cli/main.ts";
import { systemWorld } from "../cli/system-world.ts";
import { runBridge } from "./serve.ts";
import { runSidecar } from "./sidecar.ts";

/** Resolves with the exit code. The first SIGINT or SIGTERM asks for an orderly end, the second one ends at once. */
export async function main(argv: readonly string[]): Promise<number> {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (ending.signal.aborted) process.exit(130);
      ending.abort(new Error(`${signal} received`));
    });
  }
  const version = readVersion();
  const serve = (path: string, flags: ReadonlyMap<string, string>) =>
    runBridge({ path, flags, adapters, version, env: process.env, signal: ending.signal });
  const sidecar = (path: string) => runSidecar({ path, writers, adapters, version, env: process.env, signal: ending.signal });
  return await runCli(argv, { version, adapters, writers, serve, sidecar }, systemWorld(ending.signal));
}

/** Of the package this file belongs to, whether it runs from src/ or from dist/src/. */
function readVersion(): string {
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8")) as { readonly version: string }).version;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  return "unknown";
}
