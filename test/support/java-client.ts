/** Clients in Java, compiled with what Maven Central has of the projects whose formats we write. */
import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "./process.ts";
import { tempDir } from "./temp.ts";

const SOURCES = fileURLToPath(new URL("java", import.meta.url));
const DEPENDENCIES = [
  ["org.apache.curator", "curator-x-discovery", "5.7.1"],
  ["org.apache.dubbo", "dubbo", "3.3.2"],
  ["org.slf4j", "slf4j-nop", "1.7.36"],
];
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test.meshbridge</groupId><artifactId>clients</artifactId><version>1</version>
  <properties><maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target></properties>
  <dependencies>
${DEPENDENCIES.map(([group, artifact, version]) => `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`).join("\n")}
  </dependencies>
</project>
`;

export interface JavaClients {
  /** Runs the class to its end and resolves to its lines; rejects when it fails. */
  run(name: string, ...args: readonly string[]): Promise<readonly string[]>;
}

/** Maven keeps what it fetched, so that only the first run takes long. */
export async function compileClients(scope: AsyncDisposableStack): Promise<JavaClients> {
  const dir = await tempDir(scope, "java");
  const sources = join(dir, "src/main/java");
  await mkdir(sources, { recursive: true });
  for (const name of await readdir(SOURCES)) await copyFile(join(SOURCES, name), join(sources, name));
  await writeFile(join(dir, "pom.xml"), POM);
  const args = ["-n", "15", "mvn", "-q", "-B", "compile", "dependency:copy-dependencies", "-DoutputDirectory=lib"];
  const { code, stdout, stderr } = await runProgram({ title: "mvn", command: "nice", args, cwd: dir }, 240_000);
  assert.equal(code, 0, stdout + stderr);
  const classPath = `${join(dir, "target/classes")}:${join(dir, "lib")}/*`;
  return {
    async run(name, ...rest) {
      const found = await runProgram({ title: name, command: "java", args: ["-cp", classPath, name, ...rest], cwd: dir }, 60_000);
      assert.equal(found.code, 0, found.stdout + found.stderr);
      return found.stdout.split("\n").filter((line) => line !== "");
    },
  };
}
