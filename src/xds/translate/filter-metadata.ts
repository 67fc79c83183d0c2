/**
 * envoy.config.core.v3.Metadata with plain values, written by hand: see wire-writer.ts. Field numbers: base.proto of Envoy,
 * struct.proto of protobuf. Pure.
 */
import { FIXED64, LENGTH } from "../wire-types.ts";
import { tag, textUnlessEmpty, type WireWriter } from "../wire-writer.ts";

/** By the filter's name. */
export type FilterMetadata = Readonly<Record<string, StructFields>>;
export type StructFields = Readonly<Record<string, string | number | readonly string[]>>;

const METADATA = { filterMetadata: tag(1, LENGTH) };
const STRUCT = { fields: tag(1, LENGTH) };
const ENTRY = { key: tag(1, LENGTH), value: tag(2, LENGTH) };
const VALUE = { number: tag(2, FIXED64), string: tag(3, LENGTH), list: tag(6, LENGTH) };
const LIST = { values: tag(1, LENGTH) };

/** As the field of this tag. What it says stands in the order of its keys. */
export function filterMetadata(writer: WireWriter, field: number, metadata: FilterMetadata): void {
  const end = writer.end();
  const filters = Object.keys(metadata);
  for (let i = filters.length - 1; i >= 0; i--) {
    const filter = filters[i] ?? "";
    const entryEnd = writer.end();
    struct(writer, metadata[filter] ?? {});
    writer.length(ENTRY.value, entryEnd);
    textUnlessEmpty(writer, ENTRY.key, filter);
    writer.length(METADATA.filterMetadata, entryEnd);
  }
  writer.length(field, end);
}

function struct(writer: WireWriter, fields: StructFields): void {
  const keys = Object.keys(fields);
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i] ?? "";
    const end = writer.end();
    value(writer, fields[key] ?? "");
    writer.length(ENTRY.value, end);
    textUnlessEmpty(writer, ENTRY.key, key);
    writer.length(STRUCT.fields, end);
  }
}

function value(writer: WireWriter, given: StructFields[string]): void {
  if (typeof given === "string") writer.text(VALUE.string, given);
  else if (typeof given === "number") writer.double(VALUE.number, given);
  else list(writer, given);
}

function list(writer: WireWriter, given: readonly string[]): void {
  const end = writer.end();
  for (let i = given.length - 1; i >= 0; i--) {
    const valueEnd = writer.end();
    writer.text(VALUE.string, given[i] ?? "");
    writer.length(LIST.values, valueEnd);
  }
  writer.length(VALUE.list, end);
}
