import { type Command, Option } from "commander";
import { fail } from "../../model/errors.ts";
import { ROLES } from "../../routing/client.ts";
import { envoyBootstrap, grpcBootstrap } from "../../xds/bootstrap.ts";
import { type BootstrapFlags, bootstrapOptions } from "../bootstrap-options.ts";
import { readConfig } from "../config-file.ts";
import type { CommandContext } from "../context.ts";
import { toJson } from "../output/json.ts";
import { toYaml } from "../output/yaml.ts";

interface Options extends BootstrapFlags {
  readonly config?: string;
  readonly output: "yaml" | "json";
}

const EXAMPLES = `
Examples:
  meshbridge bootstrap --role gateway --name edge -c meshbridge.yaml > envoy.yaml && envoy -c envoy.yaml
  meshbridge bootstrap --role eastWest --name ew -c meshbridge.yaml > envoy.yaml && envoy -c envoy.yaml
  meshbridge bootstrap --role sidecar --name web --inbound 15006:8080 --xds bridge.example.com:18000 -o json
  meshbridge bootstrap --role sidecar --name web --on-demand -c meshbridge.yaml > envoy.yaml && envoy -c envoy.yaml
  meshbridge bootstrap --role grpc --name shop -c meshbridge.yaml > grpc.json && GRPC_XDS_BOOTSTRAP=grpc.json ./shop`;

/** `bootstrap`: a complete Envoy or gRPC bootstrap. */
export function addBootstrap(program: Command, context: CommandContext): void {
  program
    .command("bootstrap")
    .description("print a bootstrap with which Envoy or a gRPC program finds the bridge and says who it is")
    .addOption(new Option("--role <role>", "what it is").choices(ROLES).makeOptionMandatory())
    .option("--name <name>", "the gateway's name in the configuration; for other roles the workload's")
    .option("-c, --config <file>", "take the bridge's address and the mesh's cluster, network and locality from here")
    .option("--xds <host:port>", "the bridge's xDS address as this client reaches it; wins over the configuration's")
    .option(
      "--xds-server-name <name>",
      "the name of the bridge's certificate, sent as SNI: needed through a gateway between networks",
    )
    .option("--cluster <name>", "the cluster it runs in")
    .option("--network <name>", "the network it is on")
    .option("--namespace <name>", "its own namespace, where short service names resolve", "default")
    .option("--region <region>", "where it runs")
    .option("--zone <zone>", "where in the region")
    .option("--sub-zone <sub-zone>", "where in the zone")
    .option("--inbound <listener:app>", "sidecar: port to take requests on, and the workload's own port")
    .option("--on-demand", "sidecar: ask for services when a request needs them, instead of holding all")
    .option("--sotw", "state of the world instead of delta xDS (Envoy)")
    .option("--admin-port <port>", "port of Envoy's admin interface on 127.0.0.1; 0: none", "9901")
    .option("--node-id <id>", "node id; default: <role>-<name>-<host name>")
    .option("--tls-ca <file>", "PEM file of the authority that signed the bridge's certificate: speak TLS")
    .option("--tls-cert <file>", "PEM file of the client's certificate, where the bridge asks for one")
    .option("--tls-key <file>", "PEM file of its key")
    .addOption(
      new Option("-o, --output <format>", "how to print it; a gRPC bootstrap is always JSON")
        .choices(["yaml", "json"])
        .default("yaml"),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (flags: Options) => {
      if (flags.config === undefined && flags.xds === undefined) {
        throw fail("MB_USAGE", {
          reason: "either -c FILE or --xds host:port says where the bridge is",
          command: "meshbridge bootstrap",
        });
      }
      const file =
        flags.config === undefined ? undefined : { path: flags.config, config: await readConfig(context, flags.config) };
      const options = bootstrapOptions(flags, file, context.hostname);
      const isGrpc = options.role === "grpc";
      const bootstrap = isGrpc ? grpcBootstrap(options) : envoyBootstrap(options);
      context.terminal.out(isGrpc || flags.output === "json" ? toJson(bootstrap) : toYaml(bootstrap));
    });
}
