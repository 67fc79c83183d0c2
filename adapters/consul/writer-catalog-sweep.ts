/**
 * What an agent does for its own services, done for a node without one: what nobody keeps alive any more becomes critical,
 * and leaves after a while. Pure. Only records whose owner has no session on the node are touched, and none that is ours.
 */
import { isSameOwner, type Owner } from "../../src/sidecar/plan/record.ts";
import { type CatalogRow, deletionOf, type NodeSession, type Operation } from "./writer-catalog-api.ts";
import { checkId, ownerText } from "./writer-record.ts";

/** What a check says that was made critical here; ms since the epoch follow. */
const SINCE = "no session of its owner since ";

/** How many sessions are older than this one. The oldest sweeps, so that one of many does, and the next when that one ends. */
export function olderThan(sessions: readonly NodeSession[], id: string): number {
  const order = sessions.toSorted((a, b) => a.createIndex - b.createIndex || (a.id < b.id ? -1 : 1));
  const at = order.findIndex((one) => one.id === id);
  // One that is not there any more sweeps nothing.
  return at < 0 ? order.length + 1 : at;
}

export interface SweepCircumstances {
  readonly node: string;
  readonly owner: Owner;
  readonly sessions: readonly NodeSession[];
  /** Ms since the epoch. */
  readonly now: number;
  /** How long what is critical stays, in ms. */
  readonly deregisterMs: number;
}

/** One transaction for each record; each is refused if the record has changed meanwhile. */
export function sweepOf(rows: readonly CatalogRow[], circumstances: SweepCircumstances): readonly Operation[] {
  const { node, owner, sessions, now, deregisterMs } = circumstances;
  const alive = new Set(sessions.map(({ name }) => name));
  return rows.flatMap((row): readonly Operation[] => {
    const { record, check } = row;
    const of = record.owner;
    if (of === undefined || of.cluster !== owner.cluster || isSameOwner(of, owner) || alive.has(ownerText(of))) return [];
    const since =
      check?.status === "critical" && check.output.startsWith(SINCE) ? Number(check.output.slice(SINCE.length)) : Number.NaN;
    if (Number.isNaN(since)) {
      const at = check === undefined ? 0 : check.modifyIndex;
      const fields = { ...checkFields(node, record.key, record.service), Status: "critical", Output: `${SINCE}${now}` };
      return [{ Check: { Verb: "cas", Check: { ...fields, ModifyIndex: at } } }];
    }
    if (now - since < deregisterMs) return [];
    return [deletionOf(node, row)];
  });
}

/** The check that says whether the owner of a service lives. */
export function checkFields(node: string, id: string, service: string): object {
  const named = { CheckID: checkId(id), Name: "meshbridge: the instance is ready", ServiceID: id, ServiceName: service };
  return { Node: node, ...named };
}
