/** Clients in Java of the projects whose formats we write. */
import assert from "node:assert/strict";
import { type Coordinates, compileJava } from "./maven.ts";
import { runProgram } from "./process.ts";
import { tempDir } from "./temp.ts";

const DEPENDENCIES: readonly Coordinates[] = [
  "org.apache.curator:curator-x-discovery:5.7.1",
  "org.apache.dubbo:dubbo:3.3.2",
  "org.slf4j:slf4j-nop:1.7.36",
];

/** Each is a class in `java/`. */
const CLIENTS = ["CuratorClient", "DubboConsumer"] as const;

export interface JavaClients {
  /** Runs the client to its end and resolves to its lines; rejects when it fails. */
  run(name: (typeof CLIENTS)[number], ...args: readonly string[]): Promise<readonly string[]>;
}

export async function compileClients(scope: AsyncDisposableStack): Promise<JavaClients> {
  const dir = await tempDir(scope, "java");
  const classPath = await compileJava(CLIENTS, DEPENDENCIES, dir);
  return {
    async run(name, ...rest) {
      const found = await runProgram({ title: name, command: "java", args: ["-cp", classPath, name, ...rest], cwd: dir }, 60_000);
      assert.equal(found.code, 0, found.stdout + found.stderr);
      return found.stdout.split("\n").filter((line) => line !== "");
    },
  };
}
