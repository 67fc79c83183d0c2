/** The parsed file to a valid configuration, or to every problem it has. Pure. */
import { Value } from "typebox/value";
import { checkSchema, type SchemaProblem } from "../kernel/schema-check.ts";
import type { Path } from "../kernel/text.ts";
import type { YamlDocument } from "../kernel/yaml-document.ts";
import type { Adapter } from "../registry/adapter.ts";
import type { CheckContext } from "./checks/check.ts";
import { checkDns } from "./checks/dns.ts";
import { checkGateways } from "./checks/gateways.ts";
import { checkLinks } from "./checks/links.ts";
import { checkNetworks } from "./checks/networks.ts";
import { checkRegistries } from "./checks/registries.ts";
import { checkSecrets } from "./checks/secrets.ts";
import { checkServers } from "./checks/servers.ts";
import { checkServices } from "./checks/services.ts";
import { applyOverrides, type Environment, type Flags, type Override, readOverrides } from "./overrides.ts";
import type { ConfigProblem } from "./problems.ts";
import { type ConfigFile, configSchema, inputSchema } from "./schema.ts";

export interface Sources {
  readonly adapters: readonly Adapter[];
  readonly env: Environment;
  readonly flags: Flags;
}

export type Validated =
  | { readonly file: ConfigFile; readonly overrides: readonly Override[] }
  | { readonly problems: readonly ConfigProblem[] };

const CHECKS: readonly ((context: CheckContext) => void)[] = [
  checkServers,
  checkRegistries,
  checkGateways,
  checkNetworks,
  checkServices,
  checkSecrets,
  checkLinks,
  checkDns,
];

/** The schema first, then the meaning of every part in which the schema found no fault, so that all is told at once. */
export function validateConfig(document: YamlDocument, { adapters, env, flags }: Sources): Validated {
  const schema = configSchema(adapters);
  const { list, unknown } = readOverrides(schema, env, flags);
  if (document.value === null) return { problems: [EMPTY] };
  const merged = applyOverrides(document.value, list);
  const faults = checkSchema(inputSchema(schema), merged);
  const file = Value.Default(schema, structuredClone(merged)) as ConfigFile;
  const found = [...faults, ...meaningFaults(file, faults)];
  const problems = found.map(({ path, at, message }) => ({ path, message, place: placeOf(path, at, document, list) }));
  for (const { override, message } of unknown) problems.push({ path: [], message, place: override });
  return problems.length > 0 ? { problems } : { file, overrides: list };
}

/** A file that is being written is empty for a moment: that must not read as "no registries any more". */
const EMPTY: ConfigProblem = {
  path: [],
  place: { line: 1, column: 1 },
  message: "the file is empty; a configuration of defaults alone is `{}`",
};

function meaningFaults(file: ConfigFile, faults: readonly SchemaProblem[]): readonly SchemaProblem[] {
  const found: SchemaProblem[] = [];
  // An unknown key spoils nothing of what is known beside it.
  const broken = faults.filter(({ at }) => at === "value").map(({ path }) => path);
  const context: CheckContext = {
    file,
    shaped: (path) => !broken.some((fault) => startsWith(path, fault)),
    sound: (path) => !broken.some((fault) => startsWith(path, fault) || startsWith(fault, path)),
    report: (path, message) => found.push({ path, at: "value", message }),
  };
  if (context.shaped([])) for (const check of CHECKS) check(context);
  return found;
}

function startsWith(path: Path, start: Path): boolean {
  return start.length <= path.length && start.every((part, index) => part === path[index]);
}

/** The last override of the path, or of what is below or above it, else the file. */
function placeOf(path: Path, at: "key" | "value", document: YamlDocument, list: readonly Override[]): ConfigProblem["place"] {
  const override = list.findLast((one) => startsWith(path, one.path));
  return override ?? document.positionOf(path, at);
}
