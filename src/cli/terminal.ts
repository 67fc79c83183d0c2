/** Where a command writes: data to stdout, messages to stderr, colours only for a person who wants them. */
import { styleText } from "node:util";

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

export type Colour = "red" | "green" | "yellow" | "dim" | "bold";

export interface Terminal {
  /** Data: what the command was asked for. */
  out(text: string): void;
  /** Messages: what a program reading stdout must not meet. */
  err(text: string): void;
  /** Colours text meant for `out`; returns it as it is where colours are not wanted. */
  paint(colour: Colour, text: string): string;
  /** The same for `err`. */
  paintErr(colour: Colour, text: string): string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Colours go to a terminal only, and never against NO_COLOR (no-color.org: set and not empty) or a dumb terminal. */
export function createTerminal(stdout: TextStream, stderr: TextStream, env: Environment): Terminal {
  const wanted = !env["NO_COLOR"] && env["TERM"] !== "dumb";
  const painter = (stream: TextStream) => (colour: Colour, text: string) =>
    wanted && stream.isTTY === true ? styleText(colour, text, { validateStream: false }) : text;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    paint: painter(stdout),
    paintErr: painter(stderr),
  };
}
