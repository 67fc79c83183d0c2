/** The requests to the catalog that registering without an agent takes: each change one transaction, against what was seen. */
import { fail } from "../../src/model/errors.ts";
import type { FoundRecord } from "../../src/sidecar/plan/record.ts";
import { quoted } from "./agent-api.ts";
import type { Answer, ConsulWriteClient, Query } from "./client.ts";
import { isRecord, type JsonRecord, textAt } from "./guards.ts";
import { type ConsulRecord, checkId, foundOf, MAINTENANCE } from "./writer-record.ts";

const TIMEOUT_MS = 5000;
/** How long a query about a session may be held back. */
const WAIT_S = 60;
/** Names in one filter. */
const MAX_FILTERED = 32;
/** Of the node: whoever reads it knows that sessions say who lives. */
export const LEASE_META = "meshbridge-lease";

/** A record of the node, with what a change of it has to hold against. */
export interface CatalogRow {
  readonly record: FoundRecord;
  readonly modifyIndex: number;
  /** The check that says whether its owner lives; undefined: it has none. */
  readonly check: { readonly status: string; readonly output: string; readonly modifyIndex: number } | undefined;
}

export interface NodeSession {
  readonly id: string;
  readonly name: string;
  readonly createIndex: number;
}

/** One step of a transaction, as `/v1/txn` takes it. */
export type Operation = Readonly<Record<string, object>>;

export interface CatalogApi {
  /** The node's records that one of the conditions holds for; all without any. */
  rows(conditions: readonly string[], signal: AbortSignal): Promise<readonly CatalogRow[]>;
  /** All of them, or none: MB_REGISTRY_REFUSED. */
  apply(operations: readonly Operation[], signal: AbortSignal): Promise<void>;
  visible(record: ConsulRecord, signal: AbortSignal): Promise<boolean>;
  sessions(signal: AbortSignal): Promise<readonly NodeSession[]>;
  /** Makes the node, where it is missing, and a session on it. */
  openSession(name: string, ttlMs: number, signal: AbortSignal): Promise<string>;
  /** False: there is no such session (any more). */
  renew(id: string, signal: AbortSignal): Promise<boolean>;
  /** Waits while the session is as it was at `index`; undefined when it is gone. */
  sessionIndex(id: string, index: string | undefined, signal: AbortSignal): Promise<string | undefined>;
  destroySession(id: string, signal: AbortSignal): Promise<void>;
}

/** `part`: the datacentre, namespace and partition; `node`: the synthetic node. All throw what the client answers with. */
export function createCatalogApi(client: ConsulWriteClient, part: Query, node: string): CatalogApi {
  const at = (signal: AbortSignal, timeoutMs = TIMEOUT_MS) => ({ timeoutMs, signal });
  const get = async (path: string, query: Query, signal: AbortSignal) =>
    bodyOf(await client.get(path, { ...part, ...query }, at(signal)));
  const list = async (path: string, query: Query, signal: AbortSignal): Promise<readonly JsonRecord[]> => {
    const body = await get(path, query, signal);
    if (Array.isArray(body)) return body.filter(isRecord);
    throw fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: `${path} has an unexpected form` });
  };
  const name = encodeURIComponent(node);
  return {
    async rows(conditions, signal) {
      const filter = conditions.length === 0 ? {} : { filter: conditions.join(" or ") };
      const body = await get(`/catalog/node-services/${name}`, filter, signal);
      // There is no such node yet.
      if (body === null) return [];
      const services = isRecord(body) ? body["Services"] : undefined;
      if (services === null || services === undefined) return [];
      if (!Array.isArray(services)) throw fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: "Services is no list" });
      const rows = services.filter(isRecord);
      // All of a node's checks, for each of a thousand that look after their own, would be a million.
      const ids = rows.flatMap((row) => textAt(row, "ID") ?? []);
      const few = ids.length <= MAX_FILTERED ? { filter: ids.map((id) => `ServiceID == ${quoted(id)}`).join(" or ") } : {};
      const checks = ids.length === 0 ? [] : await list(`/health/node/${name}`, few, signal);
      return rows.flatMap((row) => rowOf(row, checks) ?? []);
    },
    async apply(operations, signal) {
      bodyOf(await client.put("/txn", part, operations, at(signal)));
    },
    async visible(record, signal) {
      const passing = record.traffic === "in" ? { passing: "true" } : {};
      const query = { filter: `Service.ID == ${quoted(record.id)} and Node.Node == ${quoted(node)}`, ...passing };
      const rows = await list(`/health/service/${encodeURIComponent(record.service)}`, query, signal);
      return rows.some((row) => isRecord(row["Service"]) && row["Service"]["Port"] === record.port);
    },
    async sessions(signal) {
      return (await list(`/session/node/${name}`, {}, signal)).flatMap((one) => {
        const [id, of, createIndex] = [textAt(one, "ID"), textAt(one, "Name"), one["CreateIndex"]];
        return id === undefined || of === undefined || typeof createIndex !== "number" ? [] : [{ id, name: of, createIndex }];
      });
    },
    async openSession(of, ttlMs, signal) {
      await this.apply([nodeOperation(node)], signal);
      const session = {
        Name: of,
        Node: node,
        TTL: `${ttlMs}ms`,
        LockDelay: "0s",
        Behavior: "release",
        NodeChecks: [],
        Checks: [],
      };
      const id = textAt(bodyOf(await client.put("/session/create", part, session, at(signal))), "ID");
      if (id === undefined) throw fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: "a session without an id" });
      return id;
    },
    async renew(id, signal) {
      const answer = await client.put(`/session/renew/${encodeURIComponent(id)}`, part, undefined, at(signal));
      if ("error" in answer && answer.status === 404) return false;
      bodyOf(answer);
      return true;
    },
    async sessionIndex(id, index, signal) {
      const query = index === undefined ? {} : { index, wait: `${WAIT_S}s` };
      const path = `/session/info/${encodeURIComponent(id)}`;
      // A sixteenth more is the jitter that the server adds.
      const answer = await client.get(path, { ...part, ...query }, at(signal, (WAIT_S + WAIT_S / 16) * 1000 + TIMEOUT_MS));
      const body = bodyOf(answer);
      if (!Array.isArray(body) || body.length === 0 || "error" in answer) return undefined;
      // An index of 0 would not wait.
      return answer.reply.index === "0" ? "1" : (answer.reply.index ?? "1");
    },
    async destroySession(id, signal) {
      bodyOf(await client.put(`/session/destroy/${encodeURIComponent(id)}`, part, undefined, at(signal)));
    },
  };
}

/** Consul takes any address of a node that only stands for something: 192.0.2.0/24 is nobody's (RFC 5737). */
export function nodeOperation(node: string): Operation {
  const meta = { "external-node": "true", "external-probe": "false", [LEASE_META]: "session" };
  return { Node: { Verb: "set", Node: { Node: node, Address: "192.0.2.1", Meta: meta } } };
}

/** With its checks; refused when the service has changed since. */
export function deletionOf(node: string, { record, modifyIndex }: CatalogRow): Operation {
  const service = { ID: record.key, Service: record.service, ModifyIndex: modifyIndex };
  return { Service: { Verb: "delete-cas", Node: node, Service: service } };
}

function rowOf(row: JsonRecord, checks: readonly JsonRecord[]): CatalogRow | undefined {
  const id = textAt(row, "ID");
  const modifyIndex = row["ModifyIndex"];
  if (id === undefined || typeof modifyIndex !== "number") return undefined;
  const byId = (wanted: string) => checks.find((check) => textAt(check, "CheckID") === wanted);
  const record = foundOf(row, new Set(byId(`${MAINTENANCE}${id}`) === undefined ? [] : [id]));
  if (record === undefined) return undefined;
  const check = byId(checkId(id));
  const at = check?.["ModifyIndex"];
  const known = check !== undefined && typeof at === "number";
  return {
    record,
    modifyIndex,
    check: known ? { status: textAt(check, "Status") ?? "", output: textAt(check, "Output") ?? "", modifyIndex: at } : undefined,
  };
}

function bodyOf(answer: Answer): unknown {
  if ("error" in answer) throw answer.error;
  return answer.reply.body;
}
