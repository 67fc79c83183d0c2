import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { flagsOf, withConfig } from "../setting-options.ts";

/** `serve`: runs the bridge until SIGINT or SIGTERM. */
export function addServe(program: Command, context: CommandContext): void {
  const command = program.command("serve").description("run the bridge: read the registries, serve xDS and the admin API");
  withConfig(command, context).action(async (options: { readonly config: string }) => {
    context.exit(await context.serve(options.config, flagsOf(context, options)));
  });
}
