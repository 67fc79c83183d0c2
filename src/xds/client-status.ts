/** What each client was sent of each resource, and whether it took it: the server's view of CSDS. Pure. */
import type { ProxyStatus, ProxyTypeStatus } from "./proxy-status.ts";
import type { TypeTable, TypeUrl, ViewTables } from "./types.ts";

/** In the words of envoy.service.status.v3.ConfigStatus. */
export type ConfigState = "SYNCED" | "NOT_SENT" | "STALE" | "ERROR";

export interface ResourceStatus {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  readonly version: string;
  readonly state: ConfigState;
  /** Why the client refused it. */
  readonly error: string | undefined;
}

/** Every resource that the client is subscribed to and the view has, sorted by type and name. */
export function resourceStatuses(proxy: ProxyStatus, tables: ViewTables): readonly ResourceStatus[] {
  return proxy.types.flatMap((type) => {
    const table = tables.table(type.typeUrl);
    return namesOf(type, table).flatMap((name) => {
      const resource = table.get(name);
      if (resource === undefined) return [];
      const state = stateOf(type, table.changedAt(name));
      const error = state === "ERROR" ? type.lastNack?.message : undefined;
      return [{ typeUrl: type.typeUrl, name, version: resource.version, state, error }];
    });
  });
}

function namesOf({ wildcard, subscribed }: ProxyTypeStatus, table: TypeTable): readonly string[] {
  const names = wildcard ? table.all().map(({ name }) => name) : [];
  return [...new Set([...names, ...subscribed])].sort();
}

function stateOf({ ackedSeq, sentSeq, status }: ProxyTypeStatus, changedAt: number): ConfigState {
  if (ackedSeq >= changedAt) return "SYNCED";
  if (sentSeq < changedAt) return "NOT_SENT";
  return status === "NACKED" ? "ERROR" : "STALE";
}
