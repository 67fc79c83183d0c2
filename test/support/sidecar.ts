/** The registry-sync sidecar, run from its sources as a process of its own, beside a workload that tests make ready or not. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { ask, askJson } from "./http.ts";
import { freePorts } from "./ports.ts";
import { type Program, startProgram, untilReady } from "./process.ts";
import { replaceFile, tempDir } from "./temp.ts";

const MESHBRIDGE = fileURLToPath(new URL("../../src/bin/meshbridge.ts", import.meta.url));

/** What stands for the workload: an HTTP server whose `/ready` answers as it is told. */
export interface Workload {
  readonly port: number;
  ready: boolean;
}

export async function startWorkload(scope: AsyncDisposableStack): Promise<Workload> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/ready" && !workload.ready ? 503 : 200;
    response.end("hello\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const workload: Workload = { port, ready: false };
  return workload;
}

export interface SidecarOptions {
  readonly pod: string;
  readonly workload: Workload;
  readonly targets: readonly object[];
  readonly cluster?: string;
  readonly service?: object;
  readonly drain?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly more?: object;
}

export interface Sidecar {
  readonly program: Program;
  readonly url: string;
  /** The body of `/v1/registrations`. */
  registrations(): Promise<SidecarView>;
  drain(): Promise<{ readonly complete: boolean; readonly tookMs: number }>;
}

export interface SidecarView {
  readonly offer: string;
  readonly leaving: boolean;
  readonly targets: readonly {
    readonly name: string;
    readonly connected: boolean;
    readonly settled: boolean;
    readonly records: readonly { readonly key: string; readonly state: string; readonly reason?: string }[];
    readonly error?: { readonly code: string; readonly message: string };
    readonly counts: Readonly<Record<string, number>>;
  }[];
}

/** Runs `meshbridge sidecar` and waits until it answers. Readiness is looked at every 100 ms. */
export async function startSidecar(options: SidecarOptions, scope: AsyncDisposableStack): Promise<Sidecar> {
  const { pod, workload, targets, cluster = "east", service = {}, drain = "1s", env = {}, more = {} } = options;
  const dir = await tempDir(scope, "sidecar");
  const [port] = (await freePorts(1)) as [number];
  const config = {
    cluster,
    listen: `127.0.0.1:${port}`,
    readiness: { probes: [{ http: { port: workload.port, path: "/ready" } }], interval: "100ms", failureThreshold: 1 },
    drain,
    services: [{ name: "web", port: workload.port, ...service }],
    targets,
    ...more,
  };
  const path = join(dir, "sidecar.yaml");
  await replaceFile(path, stringify(config, { aliasDuplicateObjects: false }));
  const identity = { POD_NAMESPACE: "default", POD_NAME: pod, POD_UID: `uid-of-${pod}`, POD_IP: "127.0.0.1" };
  const program = startProgram(
    {
      title: `meshbridge sidecar of ${pod}`,
      command: process.execPath,
      args: [MESHBRIDGE, "sidecar", "run", "-c", path],
      env: { NO_COLOR: "1", ...identity, ...env },
      cwd: dir,
    },
    scope,
  );
  const url = `http://127.0.0.1:${port}`;
  await untilReady(program, async () => {
    const reply = await ask(`${url}/livez`, { withinMs: 1000 });
    if (reply.status !== 200) throw new Error(`/livez answered ${reply.status}`);
  });
  return {
    program,
    url,
    registrations: () => askJson(`${url}/v1/registrations`),
    drain: () =>
      askJson(`${url}/drain`, { method: "POST", body: "{}", headers: { "content-type": "application/json" }, withinMs: 30_000 }),
  };
}
