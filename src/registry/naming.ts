/**
 * How the services of a registry are called here, by templates of its configuration. One place for every kind of registry:
 * adapters say what a service is called there and never rename. Pure.
 */
import type { Group } from "../model/group.ts";

/** A registry's templates; undefined: as the registry has it. */
export interface Naming {
  readonly serviceName: string | undefined;
  readonly serviceNamespace: string | undefined;
  /** Further host names of each service, besides `<service>.<namespace>.<mesh.domain>`. */
  readonly hostNames: readonly string[];
}

/** The names as the registry has them, to the letter. */
export const AS_THEY_ARE: Naming = { serviceName: undefined, serviceNamespace: undefined, hostNames: [] };

/** What the schema lets through: text that names allow, and placeholders. */
export const TEMPLATE_PATTERN =
  "^(?:[A-Za-z0-9._-]|\\{(?:name|namespace|registry|path|datacenter|cluster|label\\.[A-Za-z0-9._-]+)\\})+$";

/**
 * The group as the templates want it called, without the words that served to say so. The result is not checked: whether
 * it can be a name is decided for every registry alike (sanitise.ts).
 */
export function nameGroup({ nameWords, ...group }: Group, { serviceName, serviceNamespace, hostNames }: Naming): Group {
  const { service, labels, source } = group;
  const words = { ...nameWords, registry: source.registry, name: service.name, namespace: service.namespace };
  const render = (template: string) => renderName(template, { words, labels });
  const named = {
    namespace: serviceNamespace === undefined ? service.namespace : render(serviceNamespace),
    name: serviceName === undefined ? service.name : render(serviceName),
  };
  // Host names speak of the service as it is called from now on.
  const hosts = hostNames.map((template) => renderName(template, { words: { ...words, ...named }, labels }).toLowerCase());
  return { ...group, service: named, ...(hosts.length > 0 && { hosts: [...new Set(hosts)] }) };
}

/** What a template may name. */
interface NameParts {
  readonly words: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The template with its placeholders filled in; what this registry or this service has not is empty. A separator with
 * nothing on one of its sides goes as well: `{name}-{label.group}` of a service without a group is its name.
 */
export function renderName(template: string, parts: NameParts): string {
  if (template === "{name}") return parts.words["name"] ?? "";
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

function fill(part: string, { words, labels }: NameParts): string {
  const [, from, key] = /^\{(label\.)?(.*)\}$/.exec(part) ?? [];
  if (key === undefined) return part;
  const table = from === undefined ? words : labels;
  return Object.hasOwn(table, key) ? (table[key] ?? "") : "";
}
