/**
 * Which secrets a view's resources name, counted as they come and go, and those secrets in the view's table. A view holds no
 * other secret, so its clients cannot ask for one.
 */
import type { Client } from "../routing/client.ts";
import type { SecretSource } from "./secret-source.ts";
import type { WritableTables } from "./table.ts";
import { type Resource, TYPE_URL } from "./types.ts";

export interface SecretUses {
  /** A resource of the view takes the place of another one, or of none, or leaves. */
  replaced(before: Resource | undefined, after: Resource | undefined): void;
  /** Brings the table up to date. Returns whether anything changed. */
  update(): boolean;
}

export function createSecretUses(tables: WritableTables, client: Client, source: SecretSource): SecretUses {
  const table = tables.table(TYPE_URL.secret);
  const uses = new Map<string, number>();

  const count = (resource: Resource | undefined, by: 1 | -1) => {
    for (const { typeUrl, name } of resource?.refs ?? []) {
      if (typeUrl !== TYPE_URL.secret) continue;
      const left = (uses.get(name) ?? 0) + by;
      if (left > 0) uses.set(name, left);
      else uses.delete(name);
    }
  };

  return {
    replaced(before, after) {
      count(before, -1);
      count(after, 1);
    },
    update() {
      const names = new Set([...uses.keys(), ...source.allowed(client)]);
      const pending = new Set<string>();
      let changed = false;
      for (const name of names) {
        const secret = source.get(name);
        if (secret === "pending") pending.add(name);
        else if (secret !== undefined) changed = table.set(secret) || changed;
      }
      const gone = table.all().filter(({ name }) => !names.has(name) || source.get(name) === undefined);
      for (const { name } of gone) changed = table.delete(name) || changed;
      table.setPending(pending);
      return changed;
    },
  };
}
