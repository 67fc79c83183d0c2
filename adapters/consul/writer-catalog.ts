/**
 * Registers in the catalog itself, on a node that stands for a cluster: for where no agent is near. Nobody else keeps such a
 * node's services alive, or ends them: a session does, and those who write there sweep for one another (decision 0012).
 */
import { fail } from "../../src/model/errors.ts";
import { type FoundRecord, isSameOwner } from "../../src/sidecar/plan/record.ts";
import type { Writer, WriterContext } from "../../src/sidecar/writer.ts";
import { quoted } from "./agent-api.ts";
import { type CatalogApi, type CatalogRow, deletionOf, nodeOperation, type Operation } from "./writer-catalog-api.ts";
import type { CatalogLease } from "./writer-catalog-lease.ts";
import { checkFields } from "./writer-catalog-sweep.ts";
import { type ConsulRecord, MAINTENANCE, META, ownerText, parseContent, recordOf } from "./writer-record.ts";
import type { ConsulSurvey } from "./writer-survey.ts";

export interface CatalogWriterOptions extends Pick<WriterContext, "owner" | "name"> {
  readonly address: string;
  readonly node: string;
  readonly connect: "native" | undefined;
  readonly lease: CatalogLease;
  readonly survey: ConsulSurvey;
  close(): void;
}

export function createCatalogWriter(api: CatalogApi, options: CatalogWriterOptions): Writer {
  const { owner, name, address, node, lease } = options;
  const byId = async (id: string, signal: AbortSignal): Promise<CatalogRow | undefined> =>
    (await api.rows([`ID == ${quoted(id)}`], signal)).find(({ record }) => record.key === id);
  const isOurs = ({ owner: of }: FoundRecord) => of !== undefined && isSameOwner(of, owner) && of.epoch <= owner.epoch;
  /** What has the id now; throws when it is somebody else's. */
  const ours = async (id: string, signal: AbortSignal): Promise<CatalogRow | undefined> => {
    const row = await byId(id, signal);
    if (row === undefined || isOurs(row.record)) return row;
    const of = row.record.owner;
    const whose = of === undefined ? "says of no owner" : `is owned by ${ownerText(of)}`;
    throw fail("MB_REGISTRATION_FOREIGN", { registry: name, address, record: id, whose });
  };
  const maintenance = (id: string, service: string, on: boolean): Operation => {
    const fields = {
      Node: node,
      CheckID: `${MAINTENANCE}${id}`,
      Name: "Service Maintenance Mode",
      ServiceID: id,
      ServiceName: service,
    };
    const notes = { Status: "critical", Notes: "meshbridge: the instance is leaving" };
    return { Check: { Verb: on ? "set" : "delete", Check: on ? { ...fields, ...notes } : fields } };
  };

  return {
    render: (registrations) => registrations.map((one) => recordOf(one, owner)),
    async observe(keys, signal) {
      const mine = `Meta[${quoted(META.owner)}] == ${quoted(ownerText(owner))}`;
      const rows = await api.rows([mine, ...keys.map((key) => `ID == ${quoted(key)}`)], signal);
      return rows.map(({ record, check }) => {
        // Whoever swept while we were away, or took the check: it is to be written anew.
        const dead = isOurs(record) && check?.status !== "passing";
        return dead ? { ...record, content: `not kept alive: ${record.content}` } : record;
      });
    },
    async put({ record, instead }, signal) {
      if (lease.session === undefined)
        throw fail("MB_REGISTRY_UNREACHABLE", { registry: name, address, reason: "there is no session at the moment" });
      const wanted = parseContent(record.content);
      const there = await ours(wanted.id, signal);
      const before = instead === undefined ? undefined : await byId(instead.key, signal);
      const check = { ...checkFields(node, wanted.id, wanted.service), Status: "passing", Output: "its session lives" };
      await api.apply(
        [
          nodeOperation(node),
          serviceOperation(node, wanted, there?.modifyIndex ?? 0, options.connect),
          { Check: { Verb: "set", Check: check } },
          ...(wanted.traffic === "out" ? [maintenance(wanted.id, wanted.service, true)] : []),
          ...(wanted.traffic === "in" && there?.record.traffic === "out" ? [maintenance(wanted.id, wanted.service, false)] : []),
          ...(before !== undefined && isOurs(before.record) ? [deletionOf(node, before)] : []),
        ],
        signal,
      );
    },
    async takeOut({ key }, signal) {
      const there = await ours(key, signal);
      if (there !== undefined) await api.apply([maintenance(key, there.record.service, true)], signal);
    },
    async remove({ key }, signal) {
      const there = await ours(key, signal);
      if (there !== undefined) await api.apply([deletionOf(node, there)], signal);
    },
    confirm: ({ content }, signal) => api.visible(parseContent(content), signal),
    ...options.survey,
    async *events(signal) {
      try {
        yield* lease.events(signal);
      } finally {
        options.close();
      }
    },
  };
}

/** Refused when the service has another index by now; 0: when it is there at all. */
function serviceOperation(node: string, record: ConsulRecord, modifyIndex: number, connect: "native" | undefined): Operation {
  const { id, service, address, port, tags, meta, weight } = record;
  const fields = { ID: id, Service: service, Address: address, Port: port, Tags: tags, Meta: meta };
  const weights = { Passing: weight, Warning: 1 };
  const native = connect === "native" ? { Connect: { Native: true } } : {};
  return {
    Service: { Verb: "cas", Node: node, Service: { ...fields, Weights: weights, ...native, ModifyIndex: modifyIndex } },
  };
}
