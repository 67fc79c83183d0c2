import type { Command } from "commander";
import { configJsonSchema } from "../../config/json-schema.ts";
import { redact } from "../../config/redact.ts";
import { leavesOf } from "../../config/resolve.ts";
import type { ResolvedConfig } from "../../config/resolved.ts";
import { pathText, printable } from "../../kernel/text.ts";
import { readConfig } from "../config-file.ts";
import type { CommandContext } from "../context.ts";
import { type OutputOptions, print, withOutput } from "../options.ts";
import { toJson } from "../output/json.ts";
import { flagsOf, withConfig } from "../setting-options.ts";

interface FileOptions {
  readonly config: string;
}

/** `config`: the file itself, without a running bridge. */
export function addConfig(program: Command, context: CommandContext): void {
  const config = program.command("config").description("look at the configuration: its schema, its faults, its values");
  addSchema(config, context);
  addValidate(config, context);
  addShow(config, context);
}

function addSchema(config: Command, context: CommandContext): void {
  config
    .command("schema")
    .description("print the JSON Schema of the configuration, for editors")
    .action(() => context.terminal.out(toJson(configJsonSchema(context.adapters))));
}

function addValidate(config: Command, context: CommandContext): void {
  const command = config.command("validate").description("check a configuration; prints all its problems with their places");
  withConfig(command, context).action(async (options: FileOptions) => {
    const { registries, traffic } = await readConfig(context, options.config, flagsOf(context, options));
    const counts = `${count(registries.length, "registry", "registries")}, ${count(traffic.gateways.length, "gateway", "gateways")}`;
    context.terminal.out(`${context.terminal.paint("green", "√")} ${options.config} is valid: ${counts}\n`);
  });
}

function addShow(config: Command, context: CommandContext): void {
  const command = config
    .command("show")
    .description("print the configuration with its defaults, without secrets")
    .option("--origin", "a line for each value, with the file's line, variable, flag or default that set it");
  withOutput(withConfig(command, context), ["yaml", "json", "table"]).action(
    async (options: FileOptions & OutputOptions & { readonly origin?: boolean }) => {
      const resolved = await readConfig(context, options.config, flagsOf(context, options));
      const byOrigin = options.origin === true || options.output === "table";
      if (byOrigin)
        printOrigins(context, resolved, command.getOptionValueSource("output") === "default" ? "table" : options.output);
      else print(context, options.output, redact(resolved.raw), { columns: [], rows: [], empty: "" });
    },
  );
}

interface Setting {
  readonly path: string;
  readonly value: unknown;
  readonly origin: string;
}

function printOrigins(context: CommandContext, { raw, origins }: ResolvedConfig, format: OutputOptions["output"]): void {
  const rows = leavesOf(redact(raw)).map(({ path, value }): Setting => {
    const origin = origins.get(pathText(path));
    return { path: pathText(path), value, origin: origin === undefined || origin.kind === "default" ? "default" : origin.name };
  });
  const columns = [
    { title: "SETTING", value: (row: Setting) => printable(row.path) },
    { title: "VALUE", value: (row: Setting) => printable(typeof row.value === "string" ? row.value : JSON.stringify(row.value)) },
    { title: "ORIGIN", value: (row: Setting) => printable(row.origin) },
  ];
  print(context, format, rows, { columns, rows, empty: "nothing is set" });
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
