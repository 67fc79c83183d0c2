/** `deploy crds`: what a hub must know before it takes FederatedWorkloads and Clusters. */
import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { type OutputOptions, withOutput } from "../options.ts";
import { toJson } from "../output/json.ts";
import { toYaml } from "../output/yaml.ts";

export function addCrds(deploy: Command, context: CommandContext): void {
  const command = deploy
    .command("crds")
    .description("print the CustomResourceDefinitions for a hub: meshbridge deploy crds | kubectl apply --server-side -f -");
  withOutput(command, ["yaml", "json"]).action(async ({ output }: OutputOptions) => {
    const { customResourceDefinitions } = await import("../../../deploy/crds/crds.ts");
    const all = customResourceDefinitions();
    if (output === "json") context.terminal.out(toJson({ apiVersion: "v1", kind: "List", items: all }));
    else context.terminal.out(all.map((one) => toYaml(one)).join("---\n"));
  });
}
