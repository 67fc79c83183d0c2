/** The bridge itself, run from its sources as a process of its own. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { judgeRecording, recordingsAt } from "../../src/xds/recording/read.ts";
import { type Ask, ask, askJson, type Reply } from "./http.ts";
import { freePorts } from "./ports.ts";
import { type ExitStatus, type Program, runProgram, startProgram, untilReady } from "./process.ts";
import { replaceFile, tempDir } from "./temp.ts";

/** The program of the composition root, which Node runs as it is. */
const MESHBRIDGE = fileURLToPath(new URL("../../src/bin/meshbridge.ts", import.meta.url));

/** A folder with a configuration, and the ports it names. */
export interface Workspace {
  readonly dir: string;
  readonly configPath: string;
  readonly xdsPort: number;
  readonly adminPort: number;
  readonly adminUrl: string;
  path(name: string): string;
  /** Replaces a file of the folder in one step. Objects are written as YAML. */
  write(name: string, content: string | object): Promise<void>;
  read(name: string): Promise<string>;
  /** Writes meshbridge.yaml: `config` with `xds` and `admin` on this workspace's ports, unless it says otherwise. */
  configure(config: Readonly<Record<string, unknown>>): Promise<void>;
}

/** `host`: where the admin API listens and is asked. */
export async function createWorkspace(scope: AsyncDisposableStack, host = "127.0.0.1"): Promise<Workspace> {
  const dir = await tempDir(scope, "bridge");
  const [xdsPort, adminPort] = (await freePorts(2)) as [number, number];
  const path = (name: string) => join(dir, name);
  const write = (name: string, content: string | object) =>
    replaceFile(path(name), typeof content === "string" ? content : stringify(content, { aliasDuplicateObjects: false }));
  return {
    dir,
    configPath: path("meshbridge.yaml"),
    xdsPort,
    adminPort,
    adminUrl: `http://${host}:${adminPort}`,
    path,
    write,
    read: (name) => readFile(path(name), "utf8"),
    configure: (config) =>
      write("meshbridge.yaml", {
        xds: { listen: `127.0.0.1:${xdsPort}` },
        state: { dir: "./state" },
        admin: { listen: `${host}:${adminPort}`, insecure: host !== "127.0.0.1" },
        ...config,
      }),
  };
}

export interface Bridge {
  readonly workspace: Workspace;
  readonly program: Program;
  /** The parsed answer of the admin API; rejects unless it is 200. */
  get<T>(path: string): Promise<T>;
  ask(path: string, options?: Ask): Promise<Reply>;
  stop(): Promise<ExitStatus>;
  kill(): Promise<ExitStatus>;
}

export interface BridgeOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What to wait for: that it serves (default), or only that it lives. */
  readonly until?: "ready" | "alive";
  /** Default 30 s. */
  readonly readyWithinMs?: number;
  /** A command that runs the bridge's command line, given as its last arguments, in its own place (`exec`). */
  readonly wrapper?: readonly string[];
}

/** Runs `meshbridge serve` on the workspace's configuration and waits until it is ready. Call it again for a restart. */
export async function startBridge(
  workspace: Workspace,
  scope: AsyncDisposableStack,
  { args = [], env = {}, until = "ready", readyWithinMs, wrapper = [] }: BridgeOptions = {},
): Promise<Bridge> {
  const recording = workspace.path("recording");
  // Registered first, so that it runs last: whatever a test did, what was said to the proxies must have been legal.
  let began = false;
  scope.defer(() => assertLegal(recording, began));
  const own = [process.execPath, MESHBRIDGE, "serve", "-c", workspace.configPath, ...args];
  const [command = "", ...rest] = [...wrapper, ...own];
  const program = startProgram(
    {
      title: "meshbridge serve",
      command,
      args: rest,
      env: { NO_COLOR: "1", MESHBRIDGE_XDS_RECORD_TO: recording, ...env },
      cwd: workspace.dir,
    },
    scope,
  );
  const askBridge = (path: string, options: Ask = {}) => ask(workspace.adminUrl + path, options);
  const probe = until === "ready" ? "/readyz" : "/livez";
  await untilReady(
    program,
    async () => {
      const reply = await askBridge(probe, { withinMs: 1000 });
      if (reply.status !== 200) throw new Error(`${probe} answered ${reply.status}: ${reply.body.slice(0, 1000)}`);
    },
    readyWithinMs,
  );
  began = true;
  return {
    workspace,
    program,
    get: (path) => askJson(workspace.adminUrl + path),
    ask: askBridge,
    stop: () => program.stop(15_000),
    kill: () => program.kill(),
  };
}

/**
 * Every recording of the folder is judged: a breach of the xDS protocol fails the test, whatever it was about; and so does
 * a bridge that served (`began`) and recorded nothing, since then nothing is known.
 */
export async function assertLegal(folder: string, began: boolean): Promise<void> {
  const files = existsSync(folder) ? await recordingsAt(folder) : [];
  if (began) assert.ok(files.length > 0, `nothing was recorded in ${folder}`);
  for (const file of files) assert.deepEqual((await judgeRecording(file)).violations, [], `xDS as recorded in ${file}`);
}

/** Runs any other verb to its end. */
export function meshbridge(args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const { cwd, env = {} } = options;
  return runProgram({
    title: `meshbridge ${args[0] ?? ""}`,
    command: process.execPath,
    args: [MESHBRIDGE, ...args],
    env: { NO_COLOR: "1", ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** What `meshbridge bootstrap … -o json` prints for this workspace; rejects when it fails. */
export async function bootstrapOf(
  workspace: Workspace,
  args: readonly string[],
  output: "json" | "yaml" = "json",
): Promise<string> {
  const result = await meshbridge(["bootstrap", "-c", workspace.configPath, ...args, "-o", output], { cwd: workspace.dir });
  if (result.code !== 0) throw new Error(`meshbridge bootstrap ended with ${result.code}: ${result.stderr}`);
  return result.stdout;
}
