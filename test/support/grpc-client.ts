/** A proxyless gRPC client whose calls can be watched. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileJava } from "./maven.ts";
import { type Program, startProgram } from "./process.ts";
import { serverProgram } from "./require-server.ts";
import { tempDir } from "./temp.ts";

/** The libraries of gRPC that are tried: each is a program of its own that does the same. */
export type GrpcLibrary = "grpc-js" | "C-core" | "grpc-java";

const GRPC_JAVA = "1.85.1";

type Command = readonly [command: string, ...args: string[]];

/** What runs a client of the library, but for its target; `dir` is its own to work in. */
const PROGRAMS: Readonly<Record<GrpcLibrary, (dir: string) => Command | Promise<Command>>> = {
  "grpc-js": () => [process.execPath, fileURLToPath(new URL("./grpc-client-main.ts", import.meta.url))],
  "C-core": () => [serverProgram("grpcio-python"), fileURLToPath(new URL("./grpc-client.py", import.meta.url))],
  "grpc-java": async (dir) => {
    const artifacts = ["grpc-xds", "grpc-netty-shaded", "grpc-stub"].map((name) => `io.grpc:${name}:${GRPC_JAVA}` as const);
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", await compileJava(["GrpcXdsClient"], artifacts, dir), "GrpcXdsClient"];
  },
};

export interface GrpcClient {
  readonly program: Program;
  /** The ports that answered the last `count` calls, sorted, each once; rejects by throwing when one of them failed. */
  portsOfLast(count: number): readonly number[];
  /** Lines of calls that failed after the first answer: how long a client takes to its first one is not what is watched. */
  errors(): readonly string[];
}

/** Starts it on a printed gRPC bootstrap and a target such as `xds:///web.default.mesh.local:80`; `settings`: of its environment. */
export async function startGrpcClient(
  bootstrap: string,
  target: string,
  scope: AsyncDisposableStack,
  library: GrpcLibrary = "grpc-js",
  settings: Readonly<Record<string, string>> = {},
): Promise<GrpcClient> {
  const dir = await tempDir(scope, "grpc");
  const file = join(dir, "bootstrap.json");
  await writeFile(file, bootstrap);
  const env = { GRPC_XDS_BOOTSTRAP: file, ...settings };
  const [command, ...args] = await PROGRAMS[library](dir);
  const program = startProgram({ title: `gRPC client (${library}) of ${target}`, command, args: [...args, target], env }, scope);
  const lines = () => program.stdout().split("\n").slice(0, -1);
  return {
    program,
    errors() {
      const all = lines();
      const first = all.findIndex((line) => line.startsWith("ok "));
      return first < 0 ? [] : all.slice(first).filter((line) => !line.startsWith("ok "));
    },
    portsOfLast(count) {
      const last = lines().slice(-count);
      const failed = last.find((line) => !line.startsWith("ok "));
      if (failed !== undefined) throw new Error(`a call failed: ${failed}`);
      if (last.length < count) throw new Error(`only ${last.length} calls so far\n${program.stderr().slice(-2000)}`);
      return [...new Set(last.map((line) => Number(line.slice(3))))].sort((a, b) => a - b);
    },
  };
}
