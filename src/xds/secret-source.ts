/** Where views get the content of secrets from. Only what a view's own resources name, or what a client is allowed, is asked for. */
import type { Client } from "../routing/client.ts";
import { createTable } from "./table.ts";
import type { Resource, TypeTable, ViewTables } from "./types.ts";
import { TYPE_URL } from "./types.ts";

export interface SecretSource {
  /** By resource name. `pending`: it is configured and nothing usable has come yet. Undefined: there is no such secret. */
  get(resourceName: string): Resource | "pending" | undefined;
  /** Names of resources that clients of this kind may have although no resource of theirs names them. */
  allowed(client: Client): readonly string[];
}

export const NO_SECRETS: SecretSource = { get: () => undefined, allowed: () => [] };

const NOTHING: TypeTable = createTable();

/** The same tables for a client that may not have secrets: to it there are none. */
export function withoutSecrets(tables: ViewTables): ViewTables {
  return {
    table: (typeUrl) => (typeUrl === TYPE_URL.secret ? NOTHING : tables.table(typeUrl)),
    get complete() {
      return tables.complete;
    },
  };
}
