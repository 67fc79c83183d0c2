/** The reference page of the admin API, made from its OpenAPI document. */

/** What of a JSON Schema the page shows. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

/** The part of an OpenAPI 3.1 document that is read. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Markdown: a section a route, in the document's order, with what it takes and what it answers. */
export function httpReference({ paths }: ApiDocument): string {
  const sections = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(`${method.toUpperCase()} ${path}`, operation)),
  );
  return sections.join("\n");
}

function section(title: string, { summary, description, parameters = [], requestBody, responses }: Operation): string {
  const text = [summary, description].filter((part) => part !== undefined).map((part) => `${part.replace(/\.$/, "")}.`);
  const takes = parameters.map(({ name, in: place, required, schema, description: about = schema.description }) =>
    row(`\`${name}\``, `${place}${required ? ", required" : ""}`, typeOf(schema), withDefault(about, schema)),
  );
  const body = fieldsOf(schemaOf(requestBody));
  const answer = fieldsOf(schemaOf(responses["200"]));
  return [
    `## ${title}\n`,
    `${text.join(" ")}\n`,
    ...table(["parameter", "in", "type", "says"], takes),
    ...table(["body", "type", "says"], body),
    ...table(["answer", "type", "says"], answer),
  ].join("\n");
}

function table(head: readonly string[], rows: readonly string[]): readonly string[] {
  return rows.length === 0 ? [] : [row(...head), row(...head.map(() => "---")), ...rows, ""];
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function withDefault(text = "", { default: value }: Schema): string {
  return value === undefined ? text : `${text} Default: ${String(value)}.`.trim();
}

function schemaOf(content: Content | undefined): Schema | undefined {
  return content?.content?.["application/json"]?.schema;
}

/** A row for each field, those of objects and lists inside included: `items[].ports[].name`. */
function fieldsOf(schema: Schema | undefined, prefix = ""): readonly string[] {
  return Object.entries(schema?.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}${schema?.required?.includes(name) === false ? "?" : ""}`;
    return [row(`\`${path}\``, typeOf(field), field.description ?? ""), ...inner(field, path)];
  });
}

function inner(field: Schema, path: string): readonly string[] {
  if (field.items !== undefined) return fieldsOf(field.items, `${path}[].`);
  const object = field.anyOf?.find(({ properties }) => properties !== undefined) ?? field;
  return fieldsOf(object, `${path}.`);
}

function typeOf({ type, enum: words, anyOf, format, items, additionalProperties }: Schema): string {
  if (words !== undefined) return words.map((word) => `\`${String(word)}\``).join(", ");
  if (anyOf !== undefined) return anyOf.map(typeOf).join(" or ");
  if (items !== undefined) return `list of ${typeOf(items)}`;
  if (typeof additionalProperties === "object") return `map to ${typeOf(additionalProperties)}`;
  if (type === undefined) return "anything";
  return format === undefined ? String(type) : `${String(type)} (${format})`;
}
