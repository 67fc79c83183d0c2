/** The requests to an agent that registering takes, each with what its answer means. */
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import type { FoundRecord } from "../../src/sidecar/plan/record.ts";
import type { Answer, ConsulWriteClient, Query } from "./client.ts";
import { isRecord, textAt } from "./guards.ts";
import { type ConsulRecord, checkId, foundOf, MAINTENANCE } from "./writer-record.ts";
import type { ConsulWriterSettings } from "./writer-schema.ts";

const TIMEOUT_MS = 5000;
/** How long the agent may hold a query back while nothing changes. */
const WAIT_S = 60;

/** All throw what `ConsulClient` answers with as an error, but where it says otherwise. */
export interface AgentApi {
  /** The agent's services that one of the conditions holds for. */
  services(conditions: readonly string[], signal: AbortSignal): Promise<readonly FoundRecord[]>;
  register(record: ConsulRecord, signal: AbortSignal): Promise<void>;
  /** Gone already is fine. */
  deregister(id: string, signal: AbortSignal): Promise<void>;
  setMaintenance(id: string, on: boolean, signal: AbortSignal): Promise<void>;
  /** A sign of life. False when the agent does not know the service (any more). */
  pass(id: string, signal: AbortSignal): Promise<boolean>;
  /** As the catalog shows it to others: its status over all checks, or undefined. */
  visible(record: ConsulRecord, signal: AbortSignal): Promise<boolean>;
  /**
   * The service's hash as it is now, after waiting while it is the one given; undefined when the agent does not know it.
   * A cut connection, at the latest, tells that the agent is gone.
   */
  hashOf(id: string, last: string | undefined, signal: AbortSignal): Promise<string | undefined>;
  /** Answers when the agent does, and its servers have a leader. */
  ping(signal: AbortSignal): Promise<void>;
}

/** `ttlMs` and `deregisterMs` as the settings mean them. */
export function createAgentApi(
  client: ConsulWriteClient,
  settings: ConsulWriterSettings,
  times: { readonly ttlMs: number; readonly deregisterMs: number },
): AgentApi {
  const part = partOf(settings);
  const at = (signal: AbortSignal, timeoutMs = TIMEOUT_MS) => ({ timeoutMs, signal });
  const get = async (path: string, query: Query, signal: AbortSignal) =>
    bodyOf(await client.get(path, { ...part, ...query }, at(signal)));
  const put = async (path: string, query: Query, signal: AbortSignal, body?: object) =>
    client.put(path, { ...part, ...query }, body, at(signal));
  const unusable = (path: string): MeshbridgeError =>
    fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: `${path} has an unexpected form` });

  return {
    async services(conditions, signal) {
      // One after the other: a thousand sidecars that look at once are as many connections fewer.
      const services = await get("/agent/services", { filter: conditions.join(" or ") }, signal);
      const checks = await get("/agent/checks", { filter: `CheckID matches "^${MAINTENANCE}"` }, signal);
      if (!isRecord(services) || !isRecord(checks)) throw unusable("/agent/services");
      const maintenance = new Set(Object.keys(checks).map((id) => id.slice(MAINTENANCE.length)));
      return Object.values(services).flatMap((row) => foundOf(row, maintenance) ?? []);
    },
    async register(record, signal) {
      bodyOf(
        await put("/agent/service/register", { "replace-existing-checks": "true" }, signal, definition(record, settings, times)),
      );
      if (record.traffic === "out") await this.setMaintenance(record.id, true, signal);
    },
    async deregister(id, signal) {
      const answer = await put(`/agent/service/deregister/${encodeURIComponent(id)}`, {}, signal);
      if (!isMissing(answer)) bodyOf(answer);
    },
    async setMaintenance(id, on, signal) {
      const query = { enable: String(on), ...(on && { reason: "meshbridge: the instance is leaving" }) };
      bodyOf(await put(`/agent/service/maintenance/${encodeURIComponent(id)}`, query, signal));
    },
    async pass(id, signal) {
      const answer = await put(`/agent/check/pass/${encodeURIComponent(checkId(id))}`, {}, signal);
      if (isMissing(answer)) return false;
      bodyOf(answer);
      return true;
    },
    async visible(record, signal) {
      const filter = `Service.ID == ${quoted(record.id)}`;
      const path = `/health/service/${encodeURIComponent(record.service)}`;
      const rows = await get(path, { filter, passing: record.traffic === "in" ? "true" : "false" }, signal);
      if (!Array.isArray(rows)) throw unusable(path);
      return rows.some((row) => isRecord(row) && isRecord(row["Service"]) && row["Service"]["Port"] === record.port);
    },
    async hashOf(id, last, signal) {
      const query = last === undefined ? {} : { hash: last, wait: `${WAIT_S}s` };
      const path = `/agent/service/${encodeURIComponent(id)}`;
      // A sixteenth more is the jitter that the server adds.
      const answer = await client.get(path, { ...part, ...query }, at(signal, (WAIT_S + WAIT_S / 16) * 1000 + TIMEOUT_MS));
      if (isMissing(answer)) return undefined;
      return textAt(bodyOf(answer), "ContentHash");
    },
    async ping(signal) {
      const leader = await get("/status/leader", {}, signal);
      if (leader === "") throw fail("MB_REGISTRY_REFUSED", { ...client.names, statusCode: 200, reason: "there is no leader" });
    },
  };
}

/** Which part of Consul the settings mean, as requests say it. */
export function partOf({
  partition,
  consulNamespace,
  datacenter,
}: Pick<ConsulWriterSettings, "partition" | "consulNamespace" | "datacenter">): Query {
  return {
    ...(datacenter !== undefined && { dc: datacenter }),
    ...(partition !== undefined && { partition }),
    ...(consulNamespace !== undefined && { ns: consulNamespace }),
  };
}

/** What `register` sends. Its check begins as passing: it is registered when it is ready, and not before. */
function definition(
  { id, service, address, port, tags, meta, weight }: ConsulRecord,
  { connect }: ConsulWriterSettings,
  { ttlMs, deregisterMs }: { readonly ttlMs: number; readonly deregisterMs: number },
): object {
  return {
    ...{ ID: id, Name: service, Address: address, Port: port, Tags: tags, Meta: meta },
    Weights: { Passing: weight, Warning: 1 },
    ...(connect === "native" && { Connect: { Native: true } }),
    Checks: [
      {
        CheckID: checkId(id),
        Name: "meshbridge: the instance is ready",
        TTL: `${ttlMs}ms`,
        Status: "passing",
        DeregisterCriticalServiceAfter: `${deregisterMs}ms`,
      },
    ],
  };
}

/** Consul of today says 404; before 1.15 it said 500 with these words. */
function isMissing(answer: Answer): boolean {
  if (!("error" in answer)) return false;
  if (answer.status === 404) return true;
  return answer.status === 500 && /unknown (service|check)/i.test(answer.error.message);
}

function bodyOf(answer: Answer): unknown {
  if ("error" in answer) throw answer.error;
  return answer.reply.body;
}

/** A value in a filter expression, where a raw string cannot hold a backquote and an escaped one can hold anything. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
