/** Lists in pages: a cursor is the key of the last item, so a page stays right while items come and go. */
import { type TSchema, Type } from "typebox";
import { fail } from "../model/errors.ts";

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: "Items a page." })),
  cursor: Type.Optional(Type.String({ maxLength: 1000, description: "`nextCursor` of the page before." })),
};

/** The schema of a page of items. */
export function pageOf(item: TSchema) {
  return Type.Object({
    items: Type.Array(item),
    total: Type.Integer({ description: "Items on all pages together." }),
    nextCursor: Type.Optional(Type.String({ description: "Present when there is another page." })),
  });
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
  readonly nextCursor?: string;
}

/** `items` in a stable order of unique keys. Throws MB_BAD_REQUEST for a cursor that none of our pages had. */
export function page<T>(items: readonly T[], keyOf: (item: T) => string, query: { limit?: number; cursor?: string }): Page<T> {
  const sorted = [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const after = query.cursor === undefined ? undefined : decode(query.cursor);
  const rest = after === undefined ? sorted : sorted.filter((item) => keyOf(item) > after);
  const taken = rest.slice(0, query.limit ?? 100);
  const last = taken.at(-1);
  const more = last !== undefined && rest.length > taken.length;
  return { items: taken, total: items.length, ...(more && { nextCursor: encode(keyOf(last)) }) };
}

function encode(key: string): string {
  return Buffer.from(`k:${key}`).toString("base64url");
}

function decode(cursor: string): string {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  if (text.startsWith("k:")) return text.slice(2);
  throw fail("MB_BAD_REQUEST", { reason: "cursor is not one that a list gave" });
}
