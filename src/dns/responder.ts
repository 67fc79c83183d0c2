/**
 * A query's bytes to its answer's bytes, over the newest state of the catalog. Synchronous, so that no two states mix in one
 * answer, and without I/O.
 */
import type { CatalogChange, CatalogService, SyncState } from "../catalog/types.ts";
import type { Clock } from "../kernel/clock.ts";
import type { ServiceId } from "../model/service.ts";
import type { TrafficPolicy } from "../routing/policy.ts";
import { type VipTable, vipTable, wantsVip } from "../routing/vips.ts";
import { type AnswerContext, answerTo } from "./answer.ts";
import { type Asker, type Askers, createAskers } from "./asker.ts";
import { createNameIndex, type NameIndex } from "./name-index.ts";
import { createReachable, type ReachableFinder } from "./reachable.ts";
import { type DnsAnswer, noRecords, type Rcode } from "./records.ts";
import type { DnsPlace, DnsSpec } from "./spec.ts";
import { type ClientSubnet, type DnsQuery, encodeAnswer, encodeBare, parseQuery, TCP_BYTES, udpLimit } from "./wire.ts";

export type Transport = "udp" | "tcp";

export interface ResponderState {
  readonly spec: DnsSpec;
  readonly traffic: Pick<TrafficPolicy, "topology" | "policyOf" | "networks" | "sidecar">;
  /** Where this bridge is. */
  readonly home: DnsPlace;
}

export interface ResponderOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Whether every registry has been read and can be read. */
  certain(): boolean;
  onQuery(transport: Transport, type: string, rcode: Rcode): void;
}

export interface Responder {
  /** Takes the catalog's newest state. */
  update(change: Pick<CatalogChange, "services" | "changed" | "sync">): void;
  /** Other zones, places or policies, and everything there is under them. */
  configure(state: ResponderState, now: Pick<CatalogChange, "services" | "sync">): void;
  /** Undefined: nothing is to be answered. Never throws. */
  respond(bytes: Buffer, source: string, transport: Transport): Buffer | undefined;
  /** The same answer for people; counts nowhere. */
  explain(name: string, type: string, from: string): Explained;
}

interface Source {
  readonly asker: Asker;
  readonly address: string;
}

export interface Explained {
  readonly asker: Asker;
  readonly answer: DnsAnswer;
}

export function createResponder(initial: ResponderState, { clock, random, certain, onQuery }: ResponderOptions): Responder {
  let state = initial;
  let services: ReadonlyMap<ServiceId, CatalogService> = new Map();
  let sync: SyncState = "waiting";
  let index: NameIndex;
  let askers: Askers;
  let reachable: ReachableFinder;
  /** Services that have an address on sidecars. */
  const wanting = new Set<ServiceId>();
  /** Undefined: to be made when it is next asked for. */
  let vips: VipTable | undefined;
  let serial = serialOf(clock);

  /** Instances come and go all the time; addresses hang on which services there are. */
  const noteVip = (id: ServiceId) => {
    const { sidecar, policyOf } = state.traffic;
    const service = services.get(id);
    const wants = service !== undefined && sidecar.vips !== undefined && wantsVip(service, policyOf(service.key), sidecar.vips);
    if (wants === wanting.has(id)) return;
    if (wants) wanting.add(id);
    else wanting.delete(id);
    vips = undefined;
  };

  const rebuild = () => {
    const { spec, traffic, home } = state;
    index = createNameIndex(spec);
    for (const [id, service] of services) index.set(id, service);
    askers = createAskers({ spec, networks: traffic.networks, home });
    reachable = createReachable({ traffic, ingress: spec.ingress, random });
    vips = undefined;
    wanting.clear();
    for (const id of services.keys()) noteVip(id);
    // A zone's serial may only grow, and must not fall back by a restart.
    serial = Math.max(serial + 1, serialOf(clock));
  };
  rebuild();

  const vipOf = (service: CatalogService): string | undefined => {
    const { traffic } = state;
    if (traffic.sidecar.vips === undefined) return undefined;
    vips ??= vipTable(wanting, traffic.sidecar.vips);
    return vips.get(service.id);
  };
  const noVip = () => undefined;
  const answer = (name: string, type: string, { asker, address }: Source): DnsAnswer => {
    const { spec } = state;
    const question = { name: plain(name), type };
    if (sync === "waiting" && index.zoneOf(question.name) !== undefined)
      return noRecords("SERVFAIL", "the registries have not been read yet");
    const context: AnswerContext = {
      spec,
      index,
      services,
      asker,
      reachable,
      certain: certain(),
      serial,
      random,
      vipOf: askers.hasSidecar(address) ? vipOf : noVip,
    };
    return answerTo(question, context);
  };

  /** The subnet is believed of those who may say one, and of them only as far as it is an address. */
  const subnetOf = ({ edns }: DnsQuery, source: string): ClientSubnet | undefined =>
    edns?.subnet !== undefined && askers.believes(source) ? edns.subnet : undefined;

  return {
    update(change) {
      const first = sync === "waiting";
      sync = change.sync;
      services = change.services;
      for (const id of first ? services.keys() : change.changed) {
        index.set(id, services.get(id));
        noteVip(id);
      }
      serial = Math.max(serial + 1, serialOf(clock));
    },
    configure(next, now) {
      state = next;
      services = now.services;
      sync = now.sync;
      rebuild();
    },
    respond(bytes, source, transport) {
      const parsed = parseQuery(bytes);
      if (parsed.kind === "drop") return undefined;
      if (parsed.kind === "refused") {
        onQuery(transport, parsed.query?.type ?? "none", parsed.rcode);
        if (parsed.query === undefined) return encodeBare(parsed.id, parsed.rcode);
        return encodeAnswer(parsed.query, noRecords(parsed.rcode, ""), { limit: TCP_BYTES });
      }
      const { query } = parsed;
      const subnet = subnetOf(query, source);
      const address = subnet?.address ?? source;
      const found = answer(query.name, query.type, { asker: askers.at(address), address });
      onQuery(transport, query.type, found.rcode);
      return encodeAnswer(query, found, { subnet, limit: transport === "udp" ? udpLimit(query) : TCP_BYTES });
    },
    explain(name, type, from) {
      const asker = askers.at(from);
      return { asker, answer: answer(name, type, { asker, address: from }) };
    },
  };
}

/** Seconds since the epoch, as zones are often numbered. */
function serialOf(clock: Clock): number {
  return Math.floor(clock.now() / 1000) >>> 0;
}

function plain(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(".") && lower !== "." ? lower.slice(0, -1) : lower;
}
