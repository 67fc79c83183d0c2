/** How a command says what went wrong: code, sentence and next step on stderr, and an exit code to tell them apart. */
import { MeshbridgeError, reasonOf } from "../kernel/errors.ts";
import { printable } from "../kernel/text.ts";
import { fail } from "../model/errors.ts";
import { printableLines } from "./output/lines.ts";
import type { Terminal } from "./terminal.ts";

/** Exit codes: 0 ok, 1 check failed, 2 usage or configuration, 3 unreachable. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** Writes the error and returns the exit code. What is not of our table is a fault of ours and shows its stack. */
export function reportError(error: unknown, terminal: Terminal): number {
  const known = error instanceof MeshbridgeError ? error : fail("MB_INTERNAL", { reason: reasonOf(error) }, { cause: error });
  terminal.err(`${terminal.paintErr("red", "×")} ${printableLines(known.message, "  ")}\n`);
  terminal.err(`  next: ${printable(known.next)}\n`);
  if (known !== error && error instanceof Error) terminal.err(terminal.paintErr("dim", `${error.stack ?? ""}\n`));
  return known.exitCode;
}
