/** Options that several commands share, and what they come to. */
import { type Command, Option } from "commander";
import { parseDuration } from "../kernel/duration.ts";
import { fail } from "../model/errors.ts";
import { type AdminClient, createAdminClient, DEFAULT_ADMIN_ADDRESS } from "./admin-client.ts";
import { adminAddressOf, readConfig } from "./config-file.ts";
import type { CommandContext } from "./context.ts";
import { toJson } from "./output/json.ts";
import { type Column, toTable } from "./output/table.ts";
import { toYaml } from "./output/yaml.ts";

export type Format = "table" | "wide" | "json" | "yaml";

export interface BridgeOptions {
  readonly admin?: string;
  readonly config?: string;
  readonly timeout: string;
}

export interface OutputOptions {
  readonly output: Format;
}

/** `--admin`, `-c` and `--timeout`: how to reach a running bridge. */
export function withBridge(command: Command): Command {
  return command
    .option(
      "--admin <address>",
      `admin address of the bridge: http://host:port or unix:/path (env MESHBRIDGE_ADMIN; default ${DEFAULT_ADMIN_ADDRESS})`,
    )
    .option("-c, --config <file>", "take the admin address from this configuration")
    .option("--timeout <duration>", "how long to wait for one answer", "10s");
}

/** `-o`. */
export function withOutput(command: Command, formats: readonly Format[] = ["table", "wide", "json", "yaml"]): Command {
  const [first = "table"] = formats;
  return command.addOption(new Option("-o, --output <format>", "how to print it").choices(formats).default(first));
}

/** A client for the bridge that the options name: `--admin`, then MESHBRIDGE_ADMIN, then the file of `-c`, then the default. */
export async function bridgeOf(context: CommandContext, options: BridgeOptions): Promise<AdminClient> {
  const named = options.admin ?? (context.env["MESHBRIDGE_ADMIN"] || undefined);
  const address = named ?? (await addressFromFile(context, options.config)) ?? DEFAULT_ADMIN_ADDRESS;
  return createAdminClient({ address, timeoutMs: durationOf("--timeout", options.timeout), signal: context.signal });
}

async function addressFromFile(context: CommandContext, path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : adminAddressOf(await readConfig(context, path));
}

/** Milliseconds of a duration option; MB_USAGE when it is none. */
export function durationOf(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw fail("MB_USAGE", { reason: `${flag} takes a duration like 500ms, 30s or 5m, not "${text}"`, command: "meshbridge" });
}

export interface Listing<Row> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Said on stderr when there is no row. */
  readonly empty: string;
}

/** Prints `data` for programs, or the listing for people. */
export function print<Row>(context: CommandContext, format: Format, data: unknown, listing: Listing<Row>): void {
  if (format === "json") context.terminal.out(toJson(data));
  else if (format === "yaml") context.terminal.out(toYaml(data));
  else if (listing.rows.length === 0) context.terminal.err(`${listing.empty}\n`);
  else context.terminal.out(toTable(listing.columns, listing.rows, format === "wide"));
}
