/** The cluster scope of the sidecar, run from its sources as a process of its own. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { ask, askJson } from "./http.ts";
import { freePorts } from "./ports.ts";
import { type Program, startProgram, untilReady } from "./process.ts";
import type { SidecarView } from "./sidecar.ts";
import { replaceFile, tempDir } from "./temp.ts";

const MESHBRIDGE = fileURLToPath(new URL("../../src/bin/meshbridge.ts", import.meta.url));

export interface SyncProcess {
  readonly name: string;
  readonly program: Program;
  registrations(): Promise<SidecarView>;
  /** Its epoch while it acts. */
  epoch(): Promise<number | undefined>;
}

/** Resolves when it answers, whether it acts or not. `config` without `scope` and `listen`. */
export async function startSync(name: string, config: object, scope: AsyncDisposableStack): Promise<SyncProcess> {
  const dir = await tempDir(scope, name);
  const [port] = (await freePorts(1)) as [number];
  const path = join(dir, "sync.yaml");
  const file = { scope: "cluster", ...config, listen: `127.0.0.1:${port}` };
  await replaceFile(path, stringify(file, { aliasDuplicateObjects: false }));
  const args = [MESHBRIDGE, "sidecar", "run", "-c", path];
  const env = { NO_COLOR: "1", POD_NAME: name };
  const program = startProgram({ title: `sync ${name}`, command: process.execPath, args, env, cwd: dir }, scope);
  const url = `http://127.0.0.1:${port}`;
  await untilReady(program, async () => {
    const reply = await ask(`${url}/livez`, { withinMs: 1000 });
    if (reply.status !== 200) throw new Error(`/livez answered ${reply.status}`);
  });
  const registrations = (): Promise<SidecarView> => askJson(`${url}/v1/registrations`);
  return {
    ...{ name, program, registrations },
    async epoch() {
      const text = /^acting, epoch (\d+)$/.exec((await registrations()).offer)?.[1];
      return text === undefined ? undefined : Number(text);
    },
  };
}
