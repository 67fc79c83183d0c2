/** Settings given by flag or by `MESHBRIDGE_*` variable: which there are, and how they are laid over the file. Pure. */
import type { TObject } from "typebox";
import { didYouMean, type Path, pathText } from "../kernel/text.ts";

export type Environment = Readonly<Record<string, string | undefined>>;
/** Values by dotted path, e.g. `xds.listen`. */
export type Flags = ReadonlyMap<string, string>;

export interface Override {
  readonly kind: "flag" | "env";
  /** `--xds-listen` or `MESHBRIDGE_XDS_LISTEN`. */
  readonly name: string;
  readonly path: Path;
  readonly value: unknown;
}

/** The sections whose single values can be set from outside. */
const SECTIONS = ["mesh", "xds", "admin", "log"] as const;

interface Setting {
  readonly path: readonly string[];
  readonly type: string | undefined;
}

interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
}

/** Every single value of these sections, by the variable that sets it. */
export function overridable(schema: TObject): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>();
  const visit = (node: Node, path: readonly string[]) => {
    if (node.properties === undefined) settings.set(variableOf(path), { path, type: node.type });
    else for (const [key, child] of Object.entries(node.properties)) visit(child, [...path, key]);
  };
  for (const section of SECTIONS) visit((schema.properties[section] ?? {}) as Node, [section]);
  return settings;
}

/** `MESHBRIDGE_XDS_TLS_CERT_FILE` for `xds.tls.certFile`. */
export function variableOf(path: readonly string[]): string {
  return `MESHBRIDGE_${words(path).join("_").toUpperCase()}`;
}

/** `--xds-tls-cert-file` for `xds.tls.certFile`. */
function flagOf(path: readonly string[]): string {
  return `--${words(path).join("-").toLowerCase()}`;
}

function words(path: readonly string[]): readonly string[] {
  return path.flatMap((part) => part.split(/(?=[A-Z])/));
}

export interface Overrides {
  /** Variables first, flags after: the later one counts. */
  readonly list: readonly Override[];
  /** Variables of these sections that set nothing, with a suggestion. */
  readonly unknown: readonly { readonly override: Override; readonly message: string }[];
}

/**
 * What the environment and the flags set. Empty variables count as not set. Variables outside the sections are not
 * looked at: other programs of the project have theirs.
 */
export function readOverrides(schema: TObject, env: Environment, flags: Flags): Overrides {
  const settings = overridable(schema);
  const list: Override[] = [];
  const unknown: { override: Override; message: string }[] = [];
  for (const [name, text] of Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (text === undefined || text === "") continue;
    const setting = settings.get(name);
    if (setting !== undefined) list.push({ kind: "env", name, path: setting.path, value: typed(text, setting.type) });
    else if (SECTIONS.some((section) => name.startsWith(`MESHBRIDGE_${section.toUpperCase()}_`)))
      unknown.push({
        override: { kind: "env", name, path: [], value: text },
        message: `sets nothing${didYouMean(name, settings.keys())}`,
      });
  }
  const byPath = new Map([...settings.values()].map((setting) => [pathText(setting.path), setting]));
  for (const [path, text] of flags) {
    const setting = byPath.get(path);
    if (setting === undefined) throw new TypeError(`there is no setting ${path} that a flag could set`);
    list.push({ kind: "flag", name: flagOf(setting.path), path: setting.path, value: typed(text, setting.type) });
  }
  return { list, unknown };
}

/** Text as the setting's type, where it is one; else as it is, for the schema to refuse. */
function typed(text: string, type: string | undefined): unknown {
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if ((type === "integer" || type === "number") && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text;
}

/** A copy of the file's value with the overrides in it. A section that is no map is left as it is. */
export function applyOverrides(value: unknown, list: readonly Override[]): unknown {
  const copy: unknown = structuredClone(value);
  for (const { path, value: setting } of list) set(copy, path as readonly string[], setting);
  return copy;
}

function set(target: unknown, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (typeof target !== "object" || target === null || Array.isArray(target)) return;
  const map = target as Record<string, unknown>;
  if (rest.length === 0) map[key] = value;
  else {
    if (!Object.hasOwn(map, key)) map[key] = {};
    set(map[key], rest, value);
  }
}
