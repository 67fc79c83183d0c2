/** The text of one file to its records. Remembers what it parsed: the next version of a file differs in little. */
import { type Path, pathText, printable, quoted } from "../../src/kernel/text.ts";
import { parseYaml } from "../../src/kernel/yaml-document.ts";
import type { RegistrySettings } from "../../src/registry/settings.ts";
import { type Locate, type PlacedProblem, type RecordReading, type RejectedInstance, readRecord } from "./record.ts";
import { splitServices } from "./split.ts";

/** A record together with what its line numbers lack: 0 where they are those of the file. */
export interface PlacedRecord {
  readonly reading: RecordReading;
  readonly lineOffset: number;
  readonly index: number;
}

export type FileReading =
  | { readonly records: readonly PlacedRecord[]; readonly problems: readonly PlacedProblem[] }
  /** The file as a whole says nothing that can be used. */
  | { readonly records: undefined; readonly problems: readonly PlacedProblem[] };

export interface FileParser {
  /** Never rejects. Lets other work run between records, so that a large file does not hold up the process. */
  parse(text: string, form: "yaml" | "json"): Promise<FileReading>;
}

/**
 * One parser a file. `breathe` is awaited every so many records; it resolves after other work had its turn, to false
 * when nobody wants the result any more: what is returned then is nothing to rely on.
 */
export function createFileParser(settings: RegistrySettings, breathe: () => Promise<boolean>): FileParser {
  let last: { readonly text: string; readonly reading: FileReading } | undefined;
  let pieces: ReadonlyMap<string, RecordReading> = new Map();

  const parsePieces = async (text: string): Promise<FileReading | undefined> => {
    const cut = splitServices(text);
    if (cut === undefined) return undefined;
    const next = new Map<string, RecordReading>();
    const records: PlacedRecord[] = [];
    let fresh = 0;
    for (const [index, piece] of cut.entries()) {
      let reading = next.get(piece.text) ?? pieces.get(piece.text);
      if (reading === undefined) {
        if (++fresh % RECORDS_PER_TURN === 0 && !(await breathe())) return ABANDONED;
        reading = readPiece(piece.text, settings);
      }
      if (reading === undefined) return undefined;
      next.set(piece.text, reading);
      records.push({ reading, lineOffset: piece.line - 1, index });
    }
    pieces = next;
    return { records, problems: [] };
  };

  return {
    async parse(text, form) {
      if (last?.text === text) return last.reading;
      const reading = form === "json" ? readJson(text, settings) : ((await parsePieces(text)) ?? readWhole(text, settings));
      last = { text, reading };
      return reading;
    },
  };
}

const RECORDS_PER_TURN = 20;
const ABANDONED: FileReading = { records: undefined, problems: [] };

/**
 * Undefined when the piece is no record by itself: the whole then says what is wrong. The value is cloned because V8
 * cuts strings out of a text without copying: a short label would keep every old version of the file in memory.
 */
function readPiece(text: string, settings: RegistrySettings): RecordReading | undefined {
  const result = parseYaml(text);
  if ("problems" in result) return undefined;
  const { value, positionOf } = result.document;
  if (!Array.isArray(value) || value.length !== 1) return undefined;
  return readRecord(structuredClone(value[0]), (path, of) => positionOf([0, ...path], of), settings);
}

/** Without positions, which JSON.parse does not tell: paths have to do. Its errors name the line themselves. */
function readJson(text: string, settings: RegistrySettings): FileReading {
  try {
    return readServices(JSON.parse(text), () => undefined, settings);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [, line, column] = /line (\d+) column (\d+)/.exec(message) ?? [];
    const position = line === undefined ? undefined : { line: Number(line), column: Number(column) };
    return { records: undefined, problems: [{ position, path: [], message: `not JSON: ${printable(message)}` }] };
  }
}

function readWhole(text: string, settings: RegistrySettings): FileReading {
  const result = parseYaml(text);
  if ("document" in result) return readServices(structuredClone(result.document.value), result.document.positionOf, settings);
  return { records: undefined, problems: result.problems.map(({ message, ...position }) => ({ position, path: [], message })) };
}

function readServices(value: unknown, locate: Locate, settings: RegistrySettings): FileReading {
  const unusable = (path: Path, message: string): FileReading => ({
    records: undefined,
    problems: [{ position: locate(path, "value"), path, message }],
  });
  if (value === null) return unusable([], "the file is empty; to say that there is no service, write `services: []`");
  if (typeof value !== "object" || Array.isArray(value)) return unusable([], "must be a map with services");
  if (!Object.hasOwn(value, "services")) return unusable(["services"], "is missing: a list of services");
  const { services, ...others } = value as { readonly services: unknown };
  if (!Array.isArray(services))
    return unusable(["services"], "must be a list of services; to say that there is none, write `services: []`");
  const problems = Object.keys(others).map((key) => ({
    position: locate([key], "key"),
    path: [key],
    message: `unknown key ${quoted(key)}; allowed here: services`,
  }));
  const records = services.map((service, index) => ({
    reading: readRecord(service, (path, of) => locate(["services", index, ...path], of), settings),
    lineOffset: 0,
    index,
  }));
  return { records, problems };
}

/** `services.yaml:8:5  services[1].ports  is missing: a list`: one line a problem. */
export function problemLine(file: string, { position, path, message }: PlacedProblem): string {
  const place = position === undefined ? file : `${file}:${position.line}:${position.column}`;
  return `${place}  ${path.length === 0 ? "" : `${pathText(path)}  `}${message}`;
}

/** The record's problems with the file's own lines, and paths from the top of the file. */
export function placedProblems({ reading, lineOffset, index }: PlacedRecord): readonly PlacedProblem[] {
  return reading.problems.map(({ position, path, message }) => ({
    position: position && { ...position, line: position.line + lineOffset },
    path: ["services", index, ...path],
    message,
  }));
}

/** `services.yaml:12`, or the path where the line is not known: how people find a record, or an instance of it. */
export function recordPlace(file: string, { reading, lineOffset, index }: PlacedRecord, instance?: RejectedInstance): string {
  const line = instance === undefined ? reading.line : instance.line;
  if (line !== undefined) return `${file}:${line + lineOffset}`;
  return `${file} ${pathText(instance === undefined ? ["services", index] : ["services", index, "instances", instance.index])}`;
}
