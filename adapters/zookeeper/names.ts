/** How a service is called here, by a template of the configuration. Pure. */

/** What a template may name. */
export interface NameParts {
  /** The root it was read from. */
  readonly path: string;
  /** As its records call it. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The name as the records have it, to the letter. */
export const DEFAULT_NAME = "{name}";

/** What the schema lets through: text that names allow, and the placeholders. */
export const NAME_PATTERN = "^(?:[A-Za-z0-9._-]|\\{(?:name|path|label\\.[A-Za-z0-9._-]+)\\})+$";

/**
 * The template with `{name}`, `{path}` (`/dubbo/eu` gives `dubbo-eu`) and `{label.KEY}` filled in; a label that is not
 * there is empty. A separator with nothing on one of its sides goes as well: `{name}-{label.group}` of a
 * service without a group is its name. The result is not checked: whether it can be a name is decided for every registry
 * alike (registry/sanitise.ts).
 */
export function renderName(template: string, parts: NameParts): string {
  if (template === DEFAULT_NAME) return parts.name;
  let name = "";
  let separator = "";
  for (const token of template.split(/(\{[^}]*\}|[._-]+)/)) {
    if (/^[._-]+$/.test(token)) {
      separator ||= token;
      continue;
    }
    const text = fill(token, parts);
    if (text === "") continue;
    name += name === "" ? text : separator + text;
    separator = "";
  }
  return name;
}

function fill(part: string, { path, name, labels }: NameParts): string {
  if (part === "{name}") return name;
  if (part === "{path}") return path.slice(1).replaceAll("/", "-");
  const key = /^\{label\.(.*)\}$/.exec(part)?.[1];
  if (key === undefined) return part;
  return Object.hasOwn(labels, key) ? (labels[key] ?? "") : "";
}
