/** Problems of a configuration with their places, as lines for people. Pure. */
import { type Path, type Position, pathText } from "../kernel/text.ts";
import type { Override } from "./overrides.ts";

export interface ConfigProblem {
  readonly path: Path;
  readonly message: string;
  /** In the file; or the flag or variable that set the value. */
  readonly place: Position | Override;
}

/** `meshbridge.yaml:8:18  registries[0].datacentres  unknown key; …`, one problem a line, in the order of the file. */
export function problemLines(file: string, problems: readonly ConfigProblem[]): string {
  return problems
    .toSorted((a, b) => lineOf(a) - lineOf(b) || columnOf(a) - columnOf(b))
    .map(
      (problem) =>
        `${placeText(file, problem)}  ${problem.path.length === 0 ? "" : `${pathText(problem.path)}  `}${problem.message}`,
    )
    .join("\n");
}

function placeText(file: string, { place }: ConfigProblem): string {
  return "line" in place ? `${file}:${place.line}:${place.column}` : place.name;
}

/** Flags and variables come before the first line. */
function lineOf({ place }: ConfigProblem): number {
  return "line" in place ? place.line : 0;
}

function columnOf({ place }: ConfigProblem): number {
  return "line" in place ? place.column : 0;
}
