/**
 * Registers with a Consul agent. The agent owns what it was given (its anti-entropy brings it to the catalog), so records
 * of different owners are told apart by their ids. The lease is a TTL check: without signs of life it becomes critical, and
 * the agent removes the service some time after.
 */
import { parseDuration } from "../../src/kernel/duration.ts";
import { fail } from "../../src/model/errors.ts";
import { isSameOwner, type WantedRecord } from "../../src/sidecar/plan/record.ts";
import { defineWriter, type Writer, type WriterContext } from "../../src/sidecar/writer.ts";
import { type AgentApi, createAgentApi, partOf, quoted } from "./agent-api.ts";
import { createAgentLease } from "./agent-lease.ts";
import { addressOf, createClient } from "./client.ts";
import { createTransport } from "./transport.ts";
import { createCatalogWriter } from "./writer-catalog.ts";
import { createCatalogApi } from "./writer-catalog-api.ts";
import { createCatalogLease } from "./writer-catalog-lease.ts";
import { createElection } from "./writer-election.ts";
import { META, ownerText, parseContent, recordOf } from "./writer-record.ts";
import { ConsulWriterSettings } from "./writer-schema.ts";
import { type ConsulSurvey, createSurvey } from "./writer-survey.ts";

/** Consul takes no sessions that are shorter. */
const MIN_SESSION_MS = 10_000;
/** A waiting query, a sign of life, and room. */
const ELECTION_CONNECTIONS = 8;
/** One waiting query for each record, and room for what is asked besides. */
const CONNECTIONS = 64;

export const consulWriter = defineWriter({
  kind: "consul",
  description: "Registers with a Consul agent, with a TTL check as lease; or in the catalog, with a session as lease.",
  schema: ConsulWriterSettings,
  open(config, context) {
    const { tls, ttl = "15s", deregisterAfter = "1m" } = config;
    const transport = createTransport(addressOf(config), { tls, baseDir: context.baseDir, connections: CONNECTIONS });
    const client = createClient(config, { context, transport, label: context.name });
    const times = { ttlMs: parseDuration(ttl) ?? 15_000, deregisterMs: parseDuration(deregisterAfter) ?? 60_000 };
    const survey = createSurvey(client, partOf(config));
    if (config.mode === "catalog") {
      const node = config.node ?? `meshbridge-${context.owner.cluster}`;
      const catalog = createCatalogApi(client, partOf(config), node);
      const session = { node, ttlMs: Math.max(MIN_SESSION_MS, times.ttlMs), deregisterMs: times.deregisterMs };
      const lease = createCatalogLease(catalog, { ...context, ...session });
      const { address } = client.names;
      const shared = { owner: context.owner, name: context.name, address, survey, close: () => transport.close() };
      return createCatalogWriter(catalog, { ...shared, node, lease, connect: config.connect });
    }
    const { datacenter: _, ...local } = config;
    const api = createAgentApi(client, local, times);
    return agentWriter(api, {
      ...context,
      survey,
      address: client.names.address,
      ttlMs: times.ttlMs,
      close: () => transport.close(),
    });
  },
  elect(config, context) {
    const { tls, key = "meshbridge/sync/leader" } = config;
    const transport = createTransport(addressOf(config), { tls, baseDir: context.baseDir, connections: ELECTION_CONNECTIONS });
    const client = createClient(config, { context, transport, label: context.name });
    const { clock, random, identity } = context;
    return createElection({ client, part: partOf(config), key, identity, clock, random, close: () => transport.close() });
  },
});

interface AgentWriterContext extends WriterContext {
  readonly address: string;
  readonly ttlMs: number;
  readonly survey: ConsulSurvey;
  close(): void;
}

function agentWriter(api: AgentApi, context: AgentWriterContext): Writer {
  const { owner, name, address } = context;
  const lease = createAgentLease(api, context);

  /** Throws unless what has the id now is ours, or nothing. */
  const mustBeOurs = async (id: string, signal: AbortSignal) => {
    const [there] = await api.services([`ID == ${quoted(id)}`], signal);
    if (there === undefined) return;
    if (there.owner !== undefined && isSameOwner(there.owner, owner) && there.owner.epoch <= owner.epoch) return;
    const whose = there.owner === undefined ? "says of no owner" : `is owned by ${ownerText(there.owner)}`;
    throw fail("MB_REGISTRATION_FOREIGN", { registry: name, address, record: id, whose });
  };

  return {
    render: (registrations) => registrations.map((one) => recordOf(one, owner)),
    async observe(keys, signal) {
      const ours = `Meta[${quoted(META.owner)}] == ${quoted(ownerText(owner))}`;
      const found = await api.services([ours, ...keys.map((key) => `ID == ${quoted(key)}`)], signal);
      // What an earlier process of this Pod has put is kept alive by this one.
      for (const { key, owner: of } of found)
        if (of !== undefined && isSameOwner(of, owner) && keys.includes(key)) lease.hold(key);
      return found;
    },
    async put({ record, over }, signal) {
      const wanted = parseContent(record.content);
      await mustBeOurs(wanted.id, signal);
      await api.register(wanted, signal);
      if (over?.traffic === "out" && record.traffic === "in") await api.setMaintenance(wanted.id, false, signal);
      lease.hold(wanted.id);
    },
    async takeOut(record, signal) {
      await mustBeOurs(record.key, signal);
      await api.setMaintenance(record.key, true, signal);
    },
    async remove(record, signal) {
      await mustBeOurs(record.key, signal);
      lease.release(record.key);
      await api.deregister(record.key, signal);
    },
    confirm: (record: WantedRecord, signal) => api.visible(parseContent(record.content), signal),
    ...context.survey,
    async *events(signal) {
      try {
        yield* lease.events(signal);
      } finally {
        context.close();
      }
    },
  };
}
