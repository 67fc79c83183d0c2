/** What a whole cluster's instances have in the catalog, whichever agent registered it, and the removal of what is an orphan. */
import { fail } from "../../src/model/errors.ts";
import type { SurveyedRecord } from "../../src/sidecar/writer.ts";
import { quoted } from "./agent-api.ts";
import type { Answer, ConsulWriteClient, Query } from "./client.ts";
import { isRecord, isText, type JsonRecord, textAt } from "./guards.ts";
import { LEASE_META } from "./writer-catalog-api.ts";
import { foundOf, MAINTENANCE, META, ownerText } from "./writer-record.ts";

const TIMEOUT_MS = 10_000;

export interface ConsulSurvey {
  /** As `Writer.survey`; the keys are NODE/ID. */
  survey(cluster: string, signal: AbortSignal): Promise<readonly SurveyedRecord[]>;
  /** As `Writer.purge`. */
  purge(record: SurveyedRecord, signal: AbortSignal): Promise<string | undefined>;
}

/** `part`: the datacentre, namespace and partition to ask about. */
export function createSurvey(client: ConsulWriteClient, part: Query): ConsulSurvey {
  const limits = (signal: AbortSignal) => ({ timeoutMs: TIMEOUT_MS, signal });
  /** In full, or it throws: what a token may not see may be what shows that an owner lives. */
  const get = async (path: string, query: Query, signal: AbortSignal): Promise<unknown> => {
    const answer = await client.get(path, { ...part, ...query }, limits(signal));
    if ("error" in answer) throw answer.error;
    const refused = (reason: string) => fail("MB_REGISTRY_REFUSED", { ...client.names, statusCode: 200, reason });
    if (answer.reply.filteredByAcls) throw refused(`the token may not see all of ${path}`);
    if (!answer.reply.knownLeader) throw refused("there is no leader");
    return answer.reply.body;
  };
  const put = async (path: string, body: object | undefined, signal: AbortSignal): Promise<Answer> =>
    client.put(path, part, body, limits(signal));
  const recordsOf = async (service: string, signal: AbortSignal) => {
    const path = `/health/service/${encodeURIComponent(service)}`;
    const rows = await get(path, { filter: `${quoted(META.owner)} in Service.Meta` }, signal);
    if (!Array.isArray(rows)) throw fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: `${path} is no list` });
    const sessions = new Map<string, ReadonlySet<string>>();
    for (const node of new Set(rows.flatMap((row) => sessionNodeOf(row) ?? []))) {
      const list = await get(`/session/node/${encodeURIComponent(node)}`, {}, signal);
      const names = Array.isArray(list) ? list.filter(isRecord).flatMap((one) => textAt(one, "Name") ?? []) : [];
      sessions.set(node, new Set(names));
    }
    return rows.flatMap((row) => surveyed(row, sessions) ?? []);
  };

  return {
    async survey(cluster, signal) {
      const services = await get("/catalog/services", { filter: `${quoted(META.owner)} in ServiceMeta` }, signal);
      if (!isRecord(services)) throw fail("MB_REGISTRY_BAD_REPLY", { ...client.names, reason: "/catalog/services is no map" });
      const found: SurveyedRecord[] = [];
      for (const service of Object.keys(services).sort())
        found.push(...(await recordsOf(service, signal)).filter(({ owner }) => owner.cluster === cluster));
      return found;
    },
    async purge(record, signal) {
      const now = (await recordsOf(record.service, signal)).find(({ key }) => key === record.key);
      if (now === undefined) return undefined;
      if (now.content !== record.content || now.evidence !== record.evidence) return "it has changed since it was looked at";
      const [node, id] = [nodeOf(record.key), idOf(record.key)];
      const self = await client.get("/agent/self", {}, limits(signal));
      if (!("error" in self) && nodeNameOf(self.reply.body) === node)
        return orThrow(await put(`/agent/service/deregister/${encodeURIComponent(id)}`, undefined, signal));
      const checks = await get(`/health/node/${encodeURIComponent(node)}`, {}, signal);
      if (isAgentAlive(checks))
        return `the agent of node ${node} lives and would register it again: it removes it itself after deregisterAfter; or run this with that agent as address`;
      return orThrow(await put("/catalog/deregister", { Node: node, ServiceID: id, ...placeOf(part) }, signal));
    },
  };
}

/** Undefined when its owner cannot be told: then it is nobody's of ours. */
function surveyed(row: unknown, sessions: ReadonlyMap<string, ReadonlySet<string>>): SurveyedRecord | undefined {
  if (!isRecord(row) || !isRecord(row["Node"]) || !isRecord(row["Service"])) return undefined;
  const checks = Array.isArray(row["Checks"]) ? row["Checks"].filter(isRecord) : [];
  const node = textAt(row["Node"], "Node");
  const id = textAt(row["Service"], "ID");
  if (node === undefined || id === undefined) return undefined;
  const out = new Set(checks.some((check) => textAt(check, "CheckID") === `${MAINTENANCE}${id}`) ? [id] : []);
  const found = foundOf(row["Service"], out);
  if (found?.owner === undefined) return undefined;
  const names = sessions.get(node);
  const lease = names === undefined ? leaseOf(checks, id, node) : sessionLease(names.has(ownerText(found.owner)), node);
  return { ...found, key: `${node}/${id}`, owner: found.owner, ...lease };
}

/** The name of the row's node, if sessions say there who lives, and no agent. */
function sessionNodeOf(row: unknown): string | undefined {
  if (!isRecord(row) || !isRecord(row["Node"]) || !isRecord(row["Node"]["Meta"])) return undefined;
  return row["Node"]["Meta"][LEASE_META] === "session" ? textAt(row["Node"], "Node") : undefined;
}

function sessionLease(alive: boolean, node: string): Pick<SurveyedRecord, "lease" | "evidence"> {
  return alive
    ? { lease: "fresh", evidence: `its owner has a session on node ${node}` }
    : { lease: "over", evidence: `its owner has no session on node ${node}` };
}

function leaseOf(checks: readonly JsonRecord[], id: string, node: string): Pick<SurveyedRecord, "lease" | "evidence"> {
  const statusOf = (name: string) => {
    const check = checks.find((one) => textAt(one, "CheckID") === name);
    return check === undefined ? undefined : textAt(check, "Status");
  };
  // An agent that is gone tells of no check any more: what it said last stands.
  const agent = statusOf("serfHealth");
  if (agent !== undefined && agent !== "passing") return { lease: "over", evidence: `the agent of node ${node} is ${agent}` };
  const status = statusOf(`meshbridge:${id}`);
  if (status === undefined) return { lease: "unknown", evidence: `nothing on node ${node} says whether its owner lives` };
  const evidence = `its check on node ${node} is ${status}`;
  return { lease: status === "critical" ? "over" : "fresh", evidence };
}

function isAgentAlive(checks: unknown): boolean {
  if (!Array.isArray(checks)) return true;
  return checks.some((one) => isRecord(one) && one["CheckID"] === "serfHealth" && one["Status"] === "passing");
}

function nodeNameOf(self: unknown): string | undefined {
  return isRecord(self) && isRecord(self["Config"]) ? textAt(self["Config"], "NodeName") : undefined;
}

/** Names of nodes have no slash. */
function nodeOf(key: string): string {
  return key.slice(0, key.indexOf("/"));
}

function idOf(key: string): string {
  return key.slice(key.indexOf("/") + 1);
}

function placeOf({ dc, ns, partition }: Query): object {
  return {
    ...(isText(dc) && { Datacenter: dc }),
    ...(isText(ns) && { Namespace: ns }),
    ...(isText(partition) && { Partition: partition }),
  };
}

function orThrow(answer: Answer): undefined {
  if ("error" in answer && answer.status !== 404) throw answer.error;
}
