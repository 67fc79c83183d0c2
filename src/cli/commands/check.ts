import type { Command } from "commander";
import type { OverviewAnswer } from "../../admin/routes/overview.ts";
import type { RegistryAnswer } from "../../admin/routes/registries.ts";
import { MeshbridgeError } from "../../kernel/errors.ts";
import { printable } from "../../kernel/text.ts";
import type { AdminClient } from "../admin-client.ts";
import { readConfig } from "../config-file.ts";
import type { CommandContext } from "../context.ts";
import { type BridgeOptions, bridgeOf, durationOf, type OutputOptions, withBridge, withOutput } from "../options.ts";
import { toJson } from "../output/json.ts";
import { printableLines } from "../output/lines.ts";
import { toYaml } from "../output/yaml.ts";
import { EXIT } from "../report-error.ts";

interface Options extends BridgeOptions, OutputOptions {
  readonly wait?: string;
}

/** One line of the report. */
export interface CheckResult {
  readonly category: "config" | "registries" | "catalog" | "proxies";
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly message: string;
  /** What to do next; null when nothing is to be done. */
  readonly next: string | null;
}

const SIGNS = { ok: ["green", "√"], warning: ["yellow", "‼"], failed: ["red", "×"] } as const;
const RETRY_MS = 500;

/** `check`: is everything as it should be, and what to do about what is not. Exit code 1 when something failed. */
export function addCheck(program: Command, context: CommandContext): void {
  const command = program
    .command("check")
    .description("check the configuration, the registries, the catalog and the proxies of a running bridge")
    .option("--wait <duration>", "try again for so long until nothing fails");
  withOutput(withBridge(command), ["table", "json", "yaml"]).action(async (options: Options) => {
    const until = context.clock.monotonic() + (options.wait === undefined ? 0 : durationOf("--wait", options.wait));
    const bridge = await bridgeOf(context, options);
    let results = await checkAll(context, options, bridge);
    while (results.some(({ status }) => status === "failed") && context.clock.monotonic() < until) {
      await context.clock.sleep(RETRY_MS, context.signal);
      results = await checkAll(context, options, bridge);
    }
    if (options.output === "json") context.terminal.out(toJson(results));
    else if (options.output === "yaml") context.terminal.out(toYaml(results));
    else for (const result of results) printResult(context, result);
    if (results.some(({ status }) => status === "failed")) context.exit(EXIT.failed);
  });
}

async function checkAll(context: CommandContext, { config }: Options, bridge: AdminClient): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  if (config !== undefined) results.push(await checkConfig(context, config));
  const [registries, overview, reload] = await Promise.all([
    bridge.list<RegistryAnswer>("/v1/registries"),
    bridge.read<OverviewAnswer>("/v1/overview"),
    bridge.read<{
      readonly reload: { readonly ok: boolean; readonly error?: { readonly message: string; readonly next: string } };
    }>("/v1/config"),
  ]);
  const { ok, error } = reload.reload;
  results.push(
    result(
      "config",
      "running",
      ok ? "ok" : "failed",
      ok ? "the file that is there runs" : (error?.message ?? "not taken over"),
      error?.next,
    ),
  );
  return [...results, ...registries.map(checkRegistry), checkCatalog(overview), checkProxies(overview)];
}

async function checkConfig(context: CommandContext, path: string): Promise<CheckResult> {
  try {
    await readConfig(context, path);
    return result("config", path, "ok", "can be used");
  } catch (error) {
    if (!(error instanceof MeshbridgeError)) throw error;
    return result("config", path, "failed", error.message, error.next);
  }
}

function checkRegistry({
  name,
  state,
  suspectReason,
  services,
  instances,
  held,
  rejected,
  lastError,
}: RegistryAnswer): CheckResult {
  const size = `${services} services, ${instances} instances`;
  if (state === "stale" || state === "expired")
    return result("registries", name, "failed", `${state}: ${lastError?.message ?? "cannot be read"}`, lastError?.next);
  if (state === "suspect") {
    return result(
      "registries",
      name,
      "warning",
      `suspect (${suspectReason}): ${held} of ${size} are held`,
      suspectReason === "mass-drop" ? "see docs/runbooks/instances-held.md" : "see docs/runbooks/registry-suspect.md",
    );
  }
  if (state !== "live")
    return result("registries", name, "warning", "has not been read yet", "wait, or see why with `meshbridge registries`");
  if (rejected > 0)
    return result(
      "registries",
      name,
      "warning",
      `live, ${size}; ${rejected} records were left out`,
      `GET /v1/registries/${name} lists them`,
    );
  return result("registries", name, "ok", `live, ${size}`);
}

function checkCatalog({ sync, services, held }: OverviewAnswer): CheckResult {
  if (sync === "waiting")
    return result("catalog", "served", "failed", "not served yet: it waits for the registries", "see the registries above");
  if (sync === "partial")
    return result("catalog", "served", "warning", "served without a registry that was never read", "see the registries above");
  return result("catalog", "served", "ok", `${services} services${held > 0 ? `, ${held} instances held` : ""}`);
}

function checkProxies({ proxies, nacked }: OverviewAnswer): CheckResult {
  const count = Object.values(proxies).reduce((sum, one) => sum + one, 0);
  if (nacked.length > 0) {
    return result("proxies", "updates", "failed", `refused by ${nacked.join(", ")}`, `meshbridge proxies ${nacked[0]} shows why`);
  }
  return result("proxies", "updates", "ok", `${count} connected, none refuses an update`);
}

function result(
  category: CheckResult["category"],
  name: string,
  status: CheckResult["status"],
  message: string,
  next?: string,
): CheckResult {
  return { category, name, status, message, next: status === "ok" ? null : (next ?? null) };
}

function printResult({ terminal }: CommandContext, { category, name, status, message, next }: CheckResult): void {
  const [colour, sign] = SIGNS[status];
  terminal.out(`${terminal.paint(colour, sign)} ${category} ${printable(name)}: ${printableLines(message, "    ")}\n`);
  if (next !== null) terminal.out(`    ${printable(next)}\n`);
}
