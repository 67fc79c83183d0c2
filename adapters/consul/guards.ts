/** Shapes of parsed JSON: nothing that Consul sends is believed to have the type it should have. */

export type JsonRecord = Readonly<Record<string, unknown>>;

/** An object that is no list. */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** The text under an own key, or undefined: for maps whose keys are written by strangers. */
export function textAt(record: unknown, key: string): string | undefined {
  if (!isRecord(record) || !Object.hasOwn(record, key)) return undefined;
  const value = record[key];
  return isText(value) && value !== "" ? value : undefined;
}
