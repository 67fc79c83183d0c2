/** The reference page of the configuration, from its schema. Pure. */
import type { SchemaNode } from "../kernel/schema-node.ts";
import type { Adapter } from "../registry/adapter.ts";
import { REGISTRY_SETTINGS } from "../registry/settings.ts";
import { variableOf } from "./overrides.ts";
import { configSchema, inputSchema } from "./schema.ts";

const HEAD = `# Configuration reference

<!-- Generated from the schema by \`node scripts/docs.ts\`. Do not edit. -->

\`meshbridge serve -c FILE\` reads one YAML file. It is strict: an unknown key is an error that names its line and the
key that was probably meant. Flags count before \`MESHBRIDGE_*\` variables, these before the file, the file before the
defaults; \`meshbridge config show --origin -c FILE\` prints where each value comes from. The file is read again when it
changes; one with an error changes nothing and is told in the log, in the metrics and by the API.

For completion and checks while typing, write the schema beside the file and name it in the first line:

\`\`\`sh
meshbridge config schema > meshbridge.schema.json
\`\`\`

\`\`\`yaml
# yaml-language-server: $schema=./meshbridge.schema.json
\`\`\`

Durations are a whole number and \`ms\`, \`s\`, \`m\` or \`h\`. Relative paths are meant from the folder of the file.
`;

/** Markdown, ending with a newline. */
export function configReference(adapters: readonly Adapter[]): string {
  const { properties = {} } = inputSchema(configSchema(adapters)) as SchemaNode;
  const sections = Object.entries(properties).map(([key, node]) =>
    key === "registries" ? registries(node, adapters) : section(key, node),
  );
  return `${[HEAD, ...sections].join("\n")}`;
}

function section(key: string, node: SchemaNode): string {
  const list = node.type === "array";
  const item = (list ? node.items : node) ?? {};
  // The sections whose single values can be set from the environment: overrides.ts.
  const variables = !list && key !== "sidecar";
  const text = list ? `A list. ${item.description}` : node.description;
  return `## \`${key}\`\n\n${text}\n\n${table(rows(item, []), variables ? [key] : undefined)}`;
}

function registries(node: SchemaNode, adapters: readonly Adapter[]): string {
  const parts = [`## \`registries\`\n\n${node.description} Every registry has a \`kind\` and a \`name\`, and may have:\n`];
  const common = { properties: Object.fromEntries(Object.entries(REGISTRY_SETTINGS)) } as SchemaNode;
  parts.push(table(rows(common, []), undefined));
  for (const adapter of adapters) {
    const branch = node.items?.anyOf?.find(({ properties }) => properties?.["kind"]?.const === adapter.kind);
    const own = Object.entries(branch?.properties ?? {}).filter(
      ([key]) => key === "name" || Object.hasOwn(adapter.schema.properties, key),
    );
    const required = branch?.required ?? [];
    parts.push(
      `### kind \`${adapter.kind}\`\n\n${adapter.description}\n`,
      table(rows({ properties: Object.fromEntries(own), required }, []), undefined),
    );
  }
  return parts.join("\n");
}

/** One row for each field of the schema, those of maps below them. Markdown, ending with a newline. */
export function schemaTable(schema: unknown): string {
  return table(rows(schema as SchemaNode, []), undefined);
}

interface Row {
  readonly path: readonly string[];
  readonly node: SchemaNode;
  readonly required: boolean;
}

/** One row a key, those of maps below them; `[]` behind a key says that it is a list of such maps, `.*` a map of them. */
function rows(node: SchemaNode, path: readonly string[]): readonly Row[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const own: Row = { path: [...path, key], node: child, required: node.required?.includes(key) ?? false };
    if (child.properties !== undefined) return [own, ...rows(child, own.path)];
    if (child.items?.properties !== undefined) return [own, ...rows(child.items, [...path, `${key}[]`])];
    const [values] = Object.values(child.patternProperties ?? {});
    if (values?.properties !== undefined) return [own, ...rows(values, [...path, `${key}.*`])];
    return [own];
  });
}

function table(list: readonly Row[], variablesOf: readonly string[] | undefined): string {
  const head = ["key", "type", "default", ...(variablesOf === undefined ? [] : ["variable"]), "description"];
  const lines = list.map(({ path, node, required }) => {
    const variable =
      node.properties === undefined && variablesOf !== undefined ? `\`${variableOf([...variablesOf, ...path])}\`` : "";
    const cells = [
      `\`${path.join(".")}\``,
      typeText(node),
      required ? "required" : defaultText(node),
      ...(variablesOf === undefined ? [] : [variable]),
      node.description ?? "",
    ];
    return row(cells);
  });
  return `${[row(head), row(head.map(() => "---")), ...lines].join("\n")}\n`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}

function typeText(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(typeText))].join(" or ");
  if (node.type === "array")
    return node.items?.properties === undefined ? `list of: ${typeText(node.items ?? {})}` : "list of maps";
  if (node.type === "object") return node.properties === undefined ? "map" : mapText(node.properties);
  if (node.type === "boolean") return "`true` or `false`";
  if (node.type === "integer" || node.type === "number") return rangeText(node);
  return node.title ?? "text";
}

function mapText(properties: Readonly<Record<string, SchemaNode>>): string {
  const keys = Object.keys(properties);
  return keys.length === 1 ? `map with \`${keys[0]}\`` : "map";
}

function rangeText({ type, minimum, maximum }: SchemaNode): string {
  const kind = type === "integer" ? "whole number" : "number";
  if (minimum !== undefined && maximum !== undefined) return `${kind}, ${minimum}–${maximum}`;
  if (minimum !== undefined) return `${kind}, at least ${minimum}`;
  return maximum === undefined ? kind : `${kind}, at most ${maximum}`;
}

/** Empty maps and lists as defaults only say that the key may be left out. */
function defaultText({ default: value }: SchemaNode): string {
  if (value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0)) return "";
  return `\`${typeof value === "object" ? JSON.stringify(value) : String(value)}\``;
}

/** The settings of a schema as one table, those of maps below them; in Markdown, ending with a newline. */
export function settingsTable(schema: object): string {
  return table(rows(schema as SchemaNode, []), undefined);
}
