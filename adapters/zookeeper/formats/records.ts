/** Reading records that anyone may have written: JSON of any form, names of any text. Pure. */
import { printable } from "../../../src/kernel/text.ts";

export type Mapping = Readonly<Record<string, unknown>>;

/** Larger records are nobody's: ZooKeeper's own limit is 1 MiB. */
const MAX_JSON_BYTES = 1024 * 1024;

/** The JSON value of a node's data; undefined when it is none. */
export function parseJson(data: Uint8Array | undefined): unknown {
  if (data === undefined || data.length === 0 || data.length > MAX_JSON_BYTES) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch {
    // Not text, or not JSON: whoever asks says so of the record.
    return undefined;
  }
}

export function mapping(value: unknown): Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A port, also one that is written as text; undefined for anything that is none. */
export function port(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= 65_535 ? number : undefined;
}

/** A weight of at least 1, and whether it is 0 in the record: then it takes no work. What is no number weighs 1. */
export function share(value: unknown): { readonly weight: number; readonly idle: boolean } {
  const number = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number) || number < 0) return { weight: 1, idle: false };
  return { weight: Math.max(1, Math.round(number)), idle: number === 0 };
}

/** Entries whose values are text or numbers, as labels; at most `max`, by key. */
export function labelsOf(value: unknown, prefix = "", max = 64): Readonly<Record<string, string>> {
  const entries = Object.entries(mapping(value)).flatMap(([key, one]): readonly (readonly [string, string])[] =>
    typeof one === "string" || typeof one === "number" || typeof one === "boolean" ? [[`${prefix}${key}`, String(one)]] : [],
  );
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, max));
}

/** A node's name for people. */
export function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    // A lone percent sign is part of the name then.
    return name;
  }
}

/** Fit to be shown: on one line, and short. */
export function cut(record: string): string {
  const clean = printable(record.slice(0, 200));
  return record.length <= 200 ? clean : `${clean}…`;
}
