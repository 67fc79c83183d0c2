/**
 * What is known of one datacentre (and namespace): the last replies, and what was made of each service. Deterministic and
 * without I/O: replies go in, events and causes to read services again come out.
 */
import { isDeepStrictEqual } from "node:util";
import { AUTHORITATIVE, type Evidence, suspect, worstEvidence } from "../../src/model/evidence.ts";
import type { Group } from "../../src/model/group.ts";
import type { ServicePort } from "../../src/model/service.ts";
import type { RegistryEvent, Rejection } from "../../src/registry/adapter.ts";
import type { Agenda } from "./agenda.ts";
import {
  type CatalogReply,
  type ChecksReply,
  changedChecks,
  changedNodes,
  changedServices,
  type NodesReply,
  readCatalog,
  readChecks,
  readNodes,
} from "./changes.ts";
import type { Translation } from "./translate.ts";

export const FEEDS = ["catalog", "checks", "nodes"] as const;
export type FeedName = (typeof FEEDS)[number];

interface Known {
  /** Undefined where the service is none of ours (proxies only). */
  readonly group: Group | undefined;
  readonly rejected: readonly Rejection[];
  readonly nodes: ReadonlySet<string>;
  readonly evidence: Evidence;
}

/** What of a reply counts besides its body. */
export interface Circumstances {
  readonly evidence: Evidence;
  readonly moved: boolean;
  readonly wentBack: boolean;
}

export interface TakenReply {
  readonly events: readonly RegistryEvent[] | undefined;
  readonly reset: boolean;
}

export interface View {
  /**
   * Takes a reply of a feed. `events`: what it causes; undefined when its body cannot be used, and then it changes
   * nothing. `reset`: with it the index went back, so what the other feeds said is of the time before.
   */
  takeReply(feed: FeedName, body: unknown, circumstances: Circumstances): TakenReply;
  /** Takes what was read of one service. The event is undefined when it says what was said before. */
  takeService(name: string, read: Translation, evidence: Evidence): RegistryEvent | undefined;
  /** Services that are meant. */
  services(): Iterable<string>;
  portsOf(name: string): readonly ServicePort[];
  /** Every feed has answered since the start, or since the index went back: services can be read. */
  readonly ready: boolean;
  /** The datacentre's name; undefined until a node has told it. */
  readonly datacenter: string | undefined;
  /** What may be said of everything as of now: the worst of all that it was made of. */
  readonly evidence: Evidence;
  /** A service's own index went back: everything is in doubt until all feeds have answered anew. */
  regress(): void;
  /** Since the index went back, not everything has been read anew. */
  readonly regressed: boolean;
  /** Everything has been read anew. */
  complete(): void;
}

export interface ViewOptions {
  readonly agenda: Agenda;
  readonly select: (catalog: CatalogReply) => CatalogReply;
  readonly datacenter: string | undefined;
}

export function createView({ agenda, select, ...options }: ViewOptions): View {
  let catalog: CatalogReply = new Map();
  let checks: ChecksReply = new Map();
  let nodes: NodesReply = { nodes: new Map(), datacenter: undefined };
  let datacenter = options.datacenter;
  const known = new Map<string, Known>();
  const fresh = new Set<FeedName>();
  const feedEvidence = new Map<FeedName, Evidence>();
  let regressed = false;

  const isReady = () => fresh.size === FEEDS.length;
  const doubt = (...all: Evidence[]) => worstEvidence(regressed ? [suspect("index-went-back"), ...all] : all);
  const on = (changed: ReadonlySet<string>) =>
    [...known].filter(([, { nodes: of }]) => !of.isDisjointFrom(changed)).map(([name]) => name);

  const gone = (name: string, evidence: Evidence): RegistryEvent[] => {
    const { group } = known.get(name) ?? {};
    known.delete(name);
    agenda.forget(name);
    return group === undefined ? [] : [{ type: "gone", source: group.source, evidence }];
  };

  const takeCatalog = (reply: CatalogReply, evidence: Evidence, moved: boolean): readonly RegistryEvent[] => {
    const wanted = select(reply);
    const changed = changedServices(catalog, wanted);
    // An index that moved can mean any change of an instance, also beside one that shows: a reply sums up all that happened
    // since the one before.
    if (moved) agenda.round();
    agenda.hint(changed);
    catalog = wanted;
    const missing = [...known.keys()].filter((name) => !wanted.has(name));
    agenda.recheck([...known].filter(([, { evidence: of }]) => of.kind === "suspect").map(([name]) => name));
    return missing.flatMap((name) => gone(name, doubt(evidence)));
  };

  const takeChecks = (reply: ChecksReply) => {
    const changed = changedChecks(checks, reply);
    checks = reply;
    agenda.hint([...changed.services].filter((name) => catalog.has(name)));
    agenda.hint(on(changed.nodes));
  };

  const takeNodes = (reply: NodesReply) => {
    agenda.hint(on(changedNodes(nodes, reply)));
    nodes = reply;
    datacenter ??= reply.datacenter;
  };

  const parse = (feed: FeedName, body: unknown): { apply(): void } | { catalog: CatalogReply } | undefined => {
    if (feed === "catalog") {
      const reply = readCatalog(body);
      return reply && { catalog: reply };
    }
    if (feed === "checks") {
      const reply = readChecks(body);
      return reply && { apply: () => takeChecks(reply) };
    }
    const reply = readNodes(body);
    return reply && { apply: () => takeNodes(reply) };
  };

  const arrive = (feed: FeedName, { wentBack, evidence }: Circumstances) => {
    // After a reset every feed goes back once: only the first one, or one that goes back again, begins anew.
    const reset = wentBack && (!regressed || fresh.has(feed));
    if (reset) {
      regressed = true;
      fresh.clear();
    }
    const before = fresh.size;
    fresh.add(feed);
    feedEvidence.set(feed, evidence);
    return { reset, becameReady: before < FEEDS.length && isReady() };
  };

  return {
    takeReply(feed, body, circumstances) {
      const parsed = parse(feed, body);
      if (parsed === undefined) return { events: undefined, reset: false };
      const { reset, becameReady } = arrive(feed, circumstances);
      // At the start, and after a reset, everything is read anyway.
      const moved = circumstances.moved && isReady() && !becameReady;
      const events = "catalog" in parsed ? takeCatalog(parsed.catalog, circumstances.evidence, moved) : [];
      if ("apply" in parsed) parsed.apply();
      // After a reset at the pace of rounds: an index that goes back again and again must not cost a full reading each time.
      if (becameReady && regressed) agenda.round();
      else if (becameReady) agenda.hint(catalog.keys());
      return { events, reset };
    },
    takeService(name, { group, rejected, nodes: of }, read) {
      const before = known.get(name);
      const evidence = doubt(read);
      if (group === undefined) {
        const events = gone(name, evidence);
        known.set(name, { group, rejected, nodes: of, evidence });
        return events[0];
      }
      known.set(name, { group, rejected, nodes: of, evidence });
      const same =
        before !== undefined && isDeepStrictEqual([before.group, before.rejected, before.evidence], [group, rejected, evidence]);
      if (same) return undefined;
      return { type: "group", group, evidence, ...(rejected.length > 0 && { rejected }) };
    },
    regress() {
      if (regressed) return;
      regressed = true;
      fresh.clear();
    },
    services: () => catalog.keys(),
    portsOf: (name) => known.get(name)?.group?.ports ?? [],
    get ready() {
      return isReady();
    },
    get datacenter() {
      return datacenter;
    },
    get regressed() {
      return regressed;
    },
    get evidence() {
      // A Consul without a single node is one that has just begun, or of which we may see nothing.
      const unseen = nodes.nodes.size === 0 ? [suspect("partial-read")] : [];
      return doubt(...feedEvidence.values(), ...[...known.values()].map(({ evidence }) => evidence), ...unseen);
    },
    complete() {
      regressed = false;
      for (const [name, entry] of known)
        if (entry.evidence.kind === "suspect" && entry.evidence.reason === "index-went-back")
          known.set(name, { ...entry, evidence: AUTHORITATIVE });
    },
  };
}
