/** Flags for single settings of the configuration, one for each that a `MESHBRIDGE_*` variable can set. */
import { type Command, Option } from "commander";
import { type Flags, overridable } from "../config/overrides.ts";
import { configSchema } from "../config/schema.ts";
import { pathText } from "../kernel/text.ts";
import type { CommandContext } from "./context.ts";

interface SettingOption {
  /** As the configuration names it, e.g. `xds.listen`. */
  readonly path: string;
  readonly option: Option;
}

/** `-c` and the flags that win over it. */
export function withConfig(command: Command, context: CommandContext): Command {
  command.requiredOption("-c, --config <file>", "the configuration");
  for (const { option } of settingOptions(context)) command.addOption(option);
  return command;
}

/** What of the parsed options is such a flag. */
export function flagsOf(context: CommandContext, options: object): Flags {
  const given = new Map<string, unknown>(Object.entries(options));
  const flags = new Map<string, string>();
  for (const { path, option } of settingOptions(context)) {
    const value = given.get(option.attributeName());
    // A flag for a boolean may stand without a value.
    if (value !== undefined) flags.set(path, String(value));
  }
  return flags;
}

function settingOptions({ adapters }: CommandContext): readonly SettingOption[] {
  return [...overridable(configSchema(adapters))].map(([variable, { path, type }]) => {
    const flag = variable.replace("MESHBRIDGE_", "--").replaceAll("_", "-").toLowerCase();
    const value = type === "boolean" ? "[bool]" : "<value>";
    return { path: pathText(path), option: new Option(`${flag} ${value}`, `instead of ${pathText(path)} (env ${variable})`) };
  });
}
