/**
 * Cuts a YAML file of services into its records without parsing it, so that only records whose text has changed are
 * parsed: parsing a file of 100,000 instances as one document takes many seconds and gigabytes. Pure.
 */
export interface Piece {
  /** A YAML sequence of this one record, with its indentation. */
  readonly text: string;
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
}

/** YAML has comments after white space alone. */
const HEAD = /^services:([ \t]+#.*|[ \t]*)$/;
const BLANK = /^[ \t]*(#.*)?$/;

/**
 * The records of a file whose only top-level key is `services` and whose list is written one item below the other, at
 * one indentation. Anything else gives undefined, and the file is to be parsed as a whole. A cut can be wrong only
 * inside a quoted text or a bracket that spans lines, or where an anchor is used by another record; such pieces do not
 * parse, and whoever parses them then falls back to the whole.
 */
export function splitServices(text: string): readonly Piece[] | undefined {
  const pieces: Piece[] = [];
  let indent = -1;
  let from = -1;
  let fromLine = 0;
  let seenHead = false;
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline + 1;
    const content = text.slice(start, end).replace(/\r?\n$/, "");
    line++;
    if (!BLANK.test(content)) {
      if (!seenHead) {
        if (!HEAD.test(content)) return undefined;
        seenHead = true;
      } else {
        const depth = content.search(/[^ ]/);
        if (indent === -1) indent = depth;
        if (depth < indent) return undefined;
        if (depth === indent) {
          if (!/^-(\s|$)/.test(content.slice(depth))) return undefined;
          if (from !== -1) pieces.push({ text: text.slice(from, start), line: fromLine });
          from = start;
          fromLine = line;
        }
      }
    }
    start = end;
  }
  if (from === -1) return undefined;
  pieces.push({ text: text.slice(from), line: fromLine });
  return pieces;
}
