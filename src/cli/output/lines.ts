import { printable } from "../../kernel/text.ts";

/** Text that may hold several lines, such as a list of problems: it keeps them, indented, while no line can move the cursor. */
export function printableLines(text: string, indent: string): string {
  return text.split("\n").map(printable).join(`\n${indent}`);
}
