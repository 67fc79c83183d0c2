/** One YAML document: its plain value, and where in the text each part of it stands. Strict on purpose. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { Path, Position } from "./text.ts";
import { quoted } from "./text.ts";

export interface YamlProblem extends Position {
  readonly message: string;
}

export interface YamlDocument {
  /** Plain objects, arrays and scalars; null for an empty text. Keys are own properties, also hostile ones. */
  readonly value: unknown;
  /** Where the value at the path stands, or its key; for what is not there, where the nearest part above it stands. */
  positionOf(path: Path, of: "key" | "value"): Position;
}

/** An alias may be used so often in all: enough for sharing, too little to blow a small text up to gigabytes. */
const MAX_ALIASES = 100;

/**
 * Pure. Refused, besides what is not YAML 1.2: duplicate keys, more than one document, tags that are not standard,
 * and aliases beyond what people write. Never throws.
 */
export function parseYaml(text: string): { readonly document: YamlDocument } | { readonly problems: readonly YamlProblem[] } {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: false });
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0)
      return {
        problems: faults.map((fault) => ({ ...at(fault.pos[0]), message: sentence(fault.code, fault.message, text, fault.pos) })),
      };
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { document: { value, positionOf: (path, of) => at(offsetOf(document, path, of)) } };
  } catch (error) {
    return { problems: [{ line: 1, column: 1, message: reasonOfThrow(error) }] };
  }
}

function sentence(code: string, message: string, text: string, [from, to]: readonly [number, number]): string {
  if (code === "DUPLICATE_KEY")
    return `the key ${quoted(/^[^\s:]*/.exec(text.slice(from, Math.max(to, from + 60)))?.[0] ?? "")} is given twice`;
  if (code === "MULTIPLE_DOCS") return "only one document is allowed: remove the `---` between them";
  if (code === "TAG_RESOLVE_FAILED") return `tags are not allowed (${message})`;
  return `not YAML: ${message}`;
}

function reasonOfThrow(error: unknown): string {
  // The parser and the conversion recurse: text nested thousands of levels deep exhausts the stack.
  if (error instanceof RangeError) return "nested too deeply";
  if (error instanceof ReferenceError && /alias count/i.test(error.message))
    return `more than ${MAX_ALIASES} uses of aliases (*name)`;
  return `not YAML: ${error instanceof Error ? error.message : String(error)}`;
}

function offsetOf(document: Document.Parsed, path: Path, of: "key" | "value"): number {
  let node: Node | null = document.contents;
  let found = node?.range?.[0] ?? 0;
  for (const [index, part] of path.entries()) {
    const parent: Node | undefined = isAlias(node) ? node.resolve(document) : (node ?? undefined);
    let child: unknown;
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part));
      if (pair === undefined) return found;
      const keyNode = pair.key as Node;
      if (of === "key" && index === path.length - 1) return keyNode.range?.[0] ?? found;
      // A key without a value has nothing to point at: the key stands for it.
      found = keyNode.range?.[0] ?? found;
      child = pair.value;
    } else if (isSeq(parent)) child = parent.items[Number(part)];
    if (child === undefined || child === null) return found;
    node = child as Node;
    const isEmpty = isScalar(node) && node.source === "" && node.value === null;
    // An empty item of a list has no key to stand for it: its dash does, just before where its value would be.
    if (!isEmpty || isSeq(parent)) found = node.range?.[0] ?? found;
  }
  return found;
}
