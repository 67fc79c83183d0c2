/** What the sidecar writes is read by Apache Curator's own service discovery, from Maven Central. */
import assert from "node:assert/strict";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/eventually.ts";
import { runProgram } from "../support/process.ts";
import { requireServers } from "../support/require-server.ts";
import { startSidecar, startWorkload } from "../support/sidecar.ts";
import { tempDir } from "../support/temp.ts";
import { startZooKeeper } from "../support/zookeeper.ts";

const { skip } = requireServers("zookeeper");
const SOURCE = fileURLToPath(new URL("../support/java/CuratorClient.java", import.meta.url));
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test.meshbridge</groupId><artifactId>curator-client</artifactId><version>1</version>
  <properties><maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target></properties>
  <dependencies>
    <dependency>
      <groupId>org.apache.curator</groupId><artifactId>curator-x-discovery</artifactId><version>5.7.1</version>
    </dependency>
  </dependencies>
</project>
`;

/** The class path of the compiled client. Maven keeps what it fetched, so that only the first run takes long. */
async function compileClient(dir: string): Promise<string> {
  await mkdir(join(dir, "src/main/java"), { recursive: true });
  await copyFile(SOURCE, join(dir, "src/main/java/CuratorClient.java"));
  await writeFile(join(dir, "pom.xml"), POM);
  const args = ["-n", "15", "mvn", "-q", "-B", "compile", "dependency:copy-dependencies", "-DoutputDirectory=lib"];
  const { code, stdout, stderr } = await runProgram({ title: "mvn", command: "nice", args, cwd: dir }, 180_000);
  assert.equal(code, 0, stdout + stderr);
  return `${join(dir, "target/classes")}:${join(dir, "lib")}/*`;
}

test("Apache Curator finds what is written in its format", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const [zk, dir] = await Promise.all([startZooKeeper({}, scope), tempDir(scope, "curator")]);
  const classPath = await compileClient(dir);
  const workload = await startWorkload(scope);
  workload.ready = true;
  const target = { name: "zk", kind: "zookeeper", servers: [zk.address], format: "curator" };
  const sidecar = await startSidecar({ pod: "web-1", workload, targets: [target] }, scope);
  await eventually("it is registered", async () => assert.equal((await sidecar.registrations()).targets[0]?.settled, true));
  const args = ["-cp", classPath, "CuratorClient", zk.address, "/services"];
  const found = await runProgram({ title: "CuratorClient", command: "java", args }, 60_000);
  assert.equal(found.code, 0, found.stderr);
  assert.match(found.stdout, new RegExp(`^web http://127\\.0\\.0\\.1:${workload.port} DYNAMIC true$`, "m"));
});
