/** The command line: one verb a file in `commands/`, usage errors like all others, one exit code at the end. */
import { Command, CommanderError } from "commander";
import { fail } from "../model/errors.ts";
import { addBootstrap } from "./commands/bootstrap.ts";
import { addCheck } from "./commands/check.ts";
import { addConfig } from "./commands/config.ts";
import { addDeploy } from "./commands/deploy.ts";
import { addDns } from "./commands/dns.ts";
import { addDrain } from "./commands/drain.ts";
import { addDump } from "./commands/dump.ts";
import { addExplain } from "./commands/explain.ts";
import { addLink } from "./commands/link.ts";
import { addProtection } from "./commands/protection.ts";
import { addProxies } from "./commands/proxies.ts";
import { addRbac } from "./commands/rbac.ts";
import { addRecording } from "./commands/recording.ts";
import { addRegistries } from "./commands/registries.ts";
import { addServe } from "./commands/serve.ts";
import { addServices } from "./commands/services.ts";
import { addSidecar } from "./commands/sidecar.ts";
import { addVersion } from "./commands/version.ts";
import { addWhatIf } from "./commands/whatif.ts";
import type { CliDeps, CliWorld, CommandContext } from "./context.ts";
import { EXIT, reportError } from "./report-error.ts";

/** Every verb, in the order the help shows them. */
const VERBS = [
  addServe,
  addBootstrap,
  addServices,
  addRegistries,
  addProtection,
  addDrain,
  addProxies,
  addExplain,
  addWhatIf,
  addDns,
  addLink,
  addDump,
  addCheck,
  addRecording,
  addRbac,
  addDeploy,
  addConfig,
  addSidecar,
  addVersion,
];

const FOOTER = `
Exit codes: 0 ok, 1 a check failed, 2 usage or configuration, 3 the bridge cannot be reached.
Data goes to stdout, messages to stderr; -o json and -o yaml are for programs.`;

/** The whole command tree. Parsing throws CommanderError for usage errors and whatever a command throws. */
function createProgram(context: CommandContext): Command {
  const program = new Command("meshbridge")
    .description("The bridge between service registries and meshes: catalogs from registries, served to proxies over xDS.")
    .version(context.version, "-V, --version", "print the version")
    .addHelpText("after", FOOTER)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.out(text),
      writeErr: (text) => context.terminal.err(text),
      // Reported by `runCli` with code and next step instead.
      outputError: () => undefined,
    });
  for (const add of VERBS) add(program, context);
  return program;
}

/** Runs one command line (`process.argv`) and resolves with its exit code. Never throws. */
export async function runCli(argv: readonly string[], deps: CliDeps, world: CliWorld): Promise<number> {
  let exitCode: number = EXIT.ok;
  const exit = (code: number) => {
    exitCode = code;
  };
  const program = createProgram({ ...deps, ...world, exit });
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(error, world.terminal);
    if (error.exitCode === 0) return EXIT.ok;
    // A command group without a verb: its help has been shown on stderr.
    if (error.code === "commander.help") return EXIT.usage;
    const reason = error.message.replace(/^error: /, "").replace(/\n/g, " ");
    return reportError(fail("MB_USAGE", { reason, command: commandOf(program, argv.slice(2)) }), world.terminal);
  }
}

/** The full name of the command that a line means, as far as it means one. */
function commandOf(program: Command, words: readonly string[]): string {
  let command = program;
  const names = [program.name()];
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word || child.aliases().includes(word));
    if (next === undefined) continue;
    command = next;
    names.push(next.name());
  }
  return names.join(" ");
}
