/** Objects of other projects' files, read field by field: what nobody takes is known at the end, with its place. Pure. */
import { isMap, isPair, isSeq, LineCounter, type Node, type ParsedNode, parseAllDocuments } from "yaml";
import { reasonOf } from "../../src/kernel/errors.ts";
import { pathText } from "../../src/kernel/text.ts";
import { isJsonObject, type Json, type JsonObject, ownValue, textAt, valueAt } from "../json/value.ts";

type Path = readonly (string | number)[];

/** Something that has no counterpart, or that somebody should look at. */
export interface Note {
  /** `file:line:column`. */
  readonly place: string;
  /** Such as `PropagationPolicy web spec.priority`. */
  readonly what: string;
  readonly message: string;
}

export interface Source {
  readonly kind: string;
  /** Without the version; empty for the core. */
  readonly group: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: JsonObject;
  /** The value at the path; it and all below it count as taken. */
  take(...path: Path): Json | undefined;
  /** Says something of a place. */
  note(path: Path, message: string): void;
  /** What was noted, and what of `spec` was never taken. */
  notes(untaken: string): readonly Note[];
}

/** Every object of the files' texts, in their order. Texts that are no YAML are notes. */
export function readSources(files: readonly { readonly name: string; readonly text: string }[]): {
  readonly sources: readonly Source[];
  readonly problems: readonly Note[];
} {
  const sources: Source[] = [];
  const problems: Note[] = [];
  for (const { name, text } of files) {
    const lines = new LineCounter();
    for (const document of parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })) {
      const placeOf = (offset: number) => {
        const { line, col } = lines.linePos(offset);
        return `${name}:${line}:${col}`;
      };
      const [fault] = document.errors;
      const read = fault === undefined ? valueOfDocument(document) : { reason: fault.message };
      if ("reason" in read) {
        problems.push({
          place: placeOf(fault?.pos[0] ?? document.range[0]),
          what: "the document",
          message: `not YAML: ${read.reason}`,
        });
        continue;
      }
      const items = textAt(read.value, "kind") === "List" ? ["items"] : undefined;
      const roots: readonly Path[] = items === undefined ? [[]] : listIndexes(read.value);
      for (const root of roots) {
        const value = valueAt(read.value, root);
        if (value === null || value === undefined) continue;
        const at = (path: Path) => placeOf(offsetOf(document.contents, [...root, ...path]) ?? document.range[0]);
        if (isJsonObject(value) && textAt(value, "kind") !== undefined && textAt(value, "metadata", "name") !== undefined)
          sources.push(createSource(value, at));
        else
          problems.push({
            place: at([]),
            what: "the document",
            message: "it is no Kubernetes object: kind or metadata.name is missing",
          });
      }
    }
  }
  return { sources, problems };
}

function valueOfDocument(document: {
  toJS(options: { maxAliasCount: number }): unknown;
}): { readonly value: Json } | { readonly reason: string } {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) as Json };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

function listIndexes(list: Json): readonly Path[] {
  const items = ownValue(list, "items");
  return Array.isArray(items) ? items.map((_, index) => ["items", index]) : [];
}

/** Where the key stands, or the item; of what is not there, the nearest part above it. */
function offsetOf(root: ParsedNode | null, path: Path): number | undefined {
  let node: unknown = root;
  let offset = root?.range[0];
  for (const part of path) {
    const pair = isMap(node)
      ? node.items.find((item) => isPair(item) && String((item.key as Node | null)?.toJSON()) === String(part))
      : undefined;
    const next = pair === undefined ? (isSeq(node) ? node.items[Number(part)] : undefined) : pair.value;
    const start = ((pair?.key ?? next) as Node | undefined)?.range?.[0];
    if (start === undefined) break;
    offset = start;
    node = next;
  }
  return offset;
}

function createSource(value: JsonObject, at: (path: Path) => string): Source {
  const taken = new Set<string>();
  const noted: Note[] = [];
  const kind = textAt(value, "kind") ?? "";
  const name = textAt(value, "metadata", "name") ?? "";
  const apiVersion = textAt(value, "apiVersion") ?? "";
  const keyOf = (path: Path) => JSON.stringify(path);
  const note = (path: Path, message: string) =>
    void noted.push({ place: at(path), what: `${kind} ${name} ${pathText(path)}`.trim(), message });

  /** The topmost parts of which nothing was taken. */
  const untakenIn = (part: Json | undefined, path: Path): readonly Path[] => {
    if (taken.has(keyOf(path)) || part === undefined || isEmpty(part)) return [];
    const below: readonly (readonly [string | number, Json])[] = Array.isArray(part)
      ? part.map((item: Json, index) => [index, item])
      : isJsonObject(part)
        ? Object.entries(part)
        : [];
    const prefix = keyOf(path).slice(0, -1);
    const touched = [...taken].some((key) => key.startsWith(path.length === 0 ? "[" : `${prefix},`));
    return touched ? below.flatMap(([key, item]) => untakenIn(item, [...path, key])) : [path];
  };

  return {
    kind,
    group: apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "",
    name,
    namespace: textAt(value, "metadata", "namespace"),
    labels: (valueAt(value, ["metadata", "labels"]) ?? {}) as Record<string, string>,
    value,
    take(...path) {
      taken.add(keyOf(path));
      return valueAt(value, path);
    },
    note,
    notes(untaken) {
      for (const path of untakenIn(ownValue(value, "spec"), ["spec"])) note(path, untaken);
      return noted.splice(0);
    },
  };
}

function isEmpty(value: Json): boolean {
  return (
    value === null ||
    value === "" ||
    (Array.isArray(value) && value.length === 0) ||
    (isJsonObject(value) && Object.keys(value).length === 0)
  );
}
