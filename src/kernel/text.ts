/** Text for people: problems with their place in a file, and foreign text made fit for a line. */
import leven from "leven";

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** Keys and list indexes from the top of a document. */
export type Path = readonly (string | number)[];

/** `registries[0].datacenters`; keys that are not plain words are quoted. The empty path is `(top)`. */
export function pathText(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${quoted(part)}]`;
  }
  return text === "" ? "(top)" : text;
}

/** The text on one line, with line breaks, control and direction characters made visible. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "\u{FFFD}");
}

/** Foreign text for the middle of a sentence: printable, cut to 80 characters. */
export function excerpt(text: string): string {
  const clean = printable(text.slice(0, 80));
  return text.length > 80 ? `${clean}…` : clean;
}

/** The text in quotes, printable, cut to 60 characters. */
export function quoted(text: string): string {
  const clean = printable(text.slice(0, 60));
  return text.length > 60 ? `"${clean}…"` : `"${clean}"`;
}

/** `; did you mean "x"?` when a candidate is near enough to be what was meant, else nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  if (word.length > 60) return "";
  for (const candidate of candidates) {
    const distance = leven(lower, candidate.toLowerCase());
    // A word of two letters is two edits away from every other one.
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best === undefined ? "" : `; did you mean "${best}"?`;
}

/** `a`, `a or b`, `a, b or c`. */
export function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
