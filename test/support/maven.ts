/** Java clients of the tests, compiled with what Maven Central has. */
import assert from "node:assert/strict";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "./process.ts";

/** `group:artifact:version`. */
export type Coordinates = `${string}:${string}:${string}`;

/**
 * Compiles `java/<name>.java` of this folder in `dir` for each name and resolves with the class path that runs them. Maven
 * keeps what it fetched, so that only the first run takes long: up to 240 s, then it is given up.
 */
export async function compileJava(names: readonly string[], dependencies: readonly Coordinates[], dir: string): Promise<string> {
  const sources = join(dir, "src/main/java");
  await mkdir(sources, { recursive: true });
  for (const name of names)
    await copyFile(fileURLToPath(new URL(`./java/${name}.java`, import.meta.url)), join(sources, `${name}.java`));
  await writeFile(join(dir, "pom.xml"), pomOf(dependencies));
  const args = ["-n", "15", "mvn", "-q", "-B", "compile", "dependency:copy-dependencies", "-DoutputDirectory=lib"];
  const { code, stdout, stderr } = await runProgram({ title: "mvn", command: "nice", args, cwd: dir }, 240_000);
  assert.equal(code, 0, stdout + stderr);
  return `${join(dir, "target/classes")}:${join(dir, "lib")}/*`;
}

function pomOf(dependencies: readonly Coordinates[]): string {
  const listed = dependencies.map((one) => {
    const [group, artifact, version] = one.split(":");
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test.meshbridge</groupId><artifactId>client</artifactId><version>1</version>
  <properties><maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target></properties>
  <dependencies>${listed.join("")}</dependencies>
</project>
`;
}
