/** What the files say now against what was said before, to the events between. Pure. */
import { isDeepStrictEqual } from "node:util";
import { quoted } from "../../src/kernel/text.ts";
import { AUTHORITATIVE } from "../../src/model/evidence.ts";
import type { Group } from "../../src/model/group.ts";
import { serviceId } from "../../src/model/service.ts";
import type { RegistryEvent, Rejection } from "../../src/registry/adapter.ts";
import { type FileReading, type PlacedRecord, placedProblems, problemLine, recordPlace } from "./parse.ts";
import type { ServiceReading } from "./record.ts";

/** One file at one time, under the name people know it by. */
export interface ReadFile {
  readonly file: string;
  /** Undefined: it could not be read. */
  readonly reading: FileReading | undefined;
}

/** What was last said of one service, and the file that said it. */
interface Said {
  readonly file: string;
  /** Where it stands, for people. */
  readonly place: string;
  readonly group: Group;
  readonly rejected: readonly Rejection[];
}
export type Known = ReadonlyMap<string, Said>;

export interface Plan {
  /** Groups that changed and sources that are gone; `synced` and `degraded` are the caller's. */
  readonly events: readonly RegistryEvent[];
  readonly known: Known;
  /** One line each, in the order of the files. */
  readonly problems: readonly string[];
  /** True when nothing was unreadable: what is not there is then not meant to be there. */
  readonly complete: boolean;
}

/**
 * Only what was read removes: services of a file that cannot be used are kept, as is the earlier group of a record
 * that has become bad; and where a record cannot even be named, every service of its file that is missing now.
 * Of two records for one service the first counts, in the order of the files.
 */
export function planFiles(known: Known, files: readonly ReadFile[], registry: string): Plan {
  const next = new Map<string, Said>();
  const problems: string[] = [];
  const doubtful = new Set<string>();
  let complete = true;
  const keepAllOf = (file: string) => {
    for (const [scope, said] of known) if (said.file === file && !next.has(scope)) next.set(scope, said);
  };
  for (const { file, reading } of files) {
    problems.push(...(reading?.problems ?? []).map((problem) => problemLine(file, problem)));
    if (reading?.records === undefined) {
      complete = false;
      keepAllOf(file);
      continue;
    }
    for (const record of reading.records) {
      const { scope, service } = record.reading;
      if (service === undefined) {
        complete = false;
        problems.push(...placedProblems(record).map((problem) => problemLine(file, problem)));
        const before = scope === undefined ? undefined : known.get(scope);
        if (scope === undefined) doubtful.add(file);
        else if (before?.file === file && !next.has(scope)) next.set(scope, before);
        continue;
      }
      const id = serviceId(service.key);
      const first = next.get(id);
      if (first === undefined) next.set(id, saidOf(record, service, file, registry));
      else problems.push(duplicateLine(record, file, first));
    }
  }
  for (const file of doubtful) keepAllOf(file);
  return { events: eventsBetween(known, next, registry), known: next, problems, complete };
}

function saidOf(record: PlacedRecord, service: ServiceReading, file: string, registry: string): Said {
  const { key, ports, labels, instances } = service;
  const group: Group = { source: { registry, scope: serviceId(key) }, service: key, ports, labels, instances };
  const rejected = service.rejected.map((instance) => ({ record: recordPlace(file, record, instance), reason: instance.reason }));
  return { file, place: recordPlace(file, record), group, rejected };
}

function duplicateLine(record: PlacedRecord, file: string, first: Said): string {
  return `${recordPlace(file, record)}  the service ${quoted(serviceId(first.group.service))} is already at ${first.place}, which counts`;
}

function eventsBetween(before: Known, after: Known, registry: string): readonly RegistryEvent[] {
  const events: RegistryEvent[] = [];
  for (const [scope, said] of after) {
    const earlier = before.get(scope);
    if (earlier === said || (earlier !== undefined && sameStatement(earlier, said))) continue;
    const { group, rejected } = said;
    events.push({ type: "group", group, evidence: AUTHORITATIVE, ...(rejected.length > 0 && { rejected }) });
  }
  for (const scope of before.keys())
    if (!after.has(scope)) events.push({ type: "gone", source: { registry, scope }, evidence: AUTHORITATIVE });
  return events;
}

function sameStatement(a: Said, b: Said): boolean {
  return isDeepStrictEqual(a.group, b.group) && isDeepStrictEqual(a.rejected, b.rejected);
}
