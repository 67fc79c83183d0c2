/** One cluster as batches of events: its Services and EndpointSlices followed, joined and translated. */

import type { Lookup } from "../../src/kernel/resolver.ts";
import type { KubeApi, Query } from "../../src/kubernetes/api.ts";
import { type Delta, reflect } from "../../src/kubernetes/reflector.ts";
import { AUTHORITATIVE, type Evidence, suspect, worstEvidence } from "../../src/model/evidence.ts";
import type { RegistryEvent, WatchContext } from "../../src/registry/adapter.ts";
import { createExternalNames, type ExternalNames } from "./external-names.ts";
import type { Selection } from "./selection.ts";
import { createStore, type Store } from "./store.ts";
import { SERVICE_NAME_LABEL, stripService, stripSlice } from "./strip.ts";
import { type TranslateContext, translateService } from "./translate/index.ts";

export interface ClusterOptions {
  readonly api: KubeApi;
  readonly translate: TranslateContext;
  readonly selection: Selection;
  /** Label selector for Services; undefined: none. */
  readonly labelSelector: string | undefined;
  /** For ExternalName Services. */
  readonly lookup: Lookup;
  readonly context: Pick<WatchContext, "clock" | "random" | "signal">;
  /** By path, the newest version that an earlier connection to the same cluster saw; kept up to date here. */
  readonly versions: Map<string, string>;
}

type Kind = "services" | "slices" | "names";

/** One resource in one place: what is listed and watched. */
interface Feed {
  readonly kind: Kind;
  readonly path: string;
  /** Undefined: it has ended. */
  next(): Promise<Step | undefined>;
}

interface Step {
  readonly delta: Delta<unknown>;
  /** Puts the changes into the store; returns the keys of the Services concerned. */
  touch(store: Store): ReadonlySet<string>;
}

/** The paths that are read, by kind: what rights are needed for. Pure. */
export function pathsOf({ namespaces }: Selection): readonly (readonly [Kind, string])[] {
  return (namespaces ?? [undefined]).flatMap((namespace) => {
    const place = namespace === undefined ? "" : `namespaces/${encodeURIComponent(namespace)}/`;
    return [
      ["services", `/api/v1/${place}services`],
      ["slices", `/apis/discovery.k8s.io/v1/${place}endpointslices`],
    ] as const;
  });
}

/**
 * Batches of events, for `registry/parts.ts`: groups as they change, `synced` once everything is listed and whenever it is
 * known to be current. Goes on until the abort, whose reason it may throw.
 */
export async function* watchCluster(options: ClusterOptions): AsyncGenerator<readonly RegistryEvent[]> {
  const { context, selection, versions } = options;
  const feeds = pathsOf(selection).map(([kind, path]) => startFeed(kind, path, options));
  const names = createExternalNames(options.lookup, context);
  const state = createClusterState(options, { feeds: feeds.length, names });
  const advance = (feed: Feed) => feed.next().then((step) => ({ feed, step }));
  const pending = new Map([...feeds, namesFeed(names)].map((feed) => [feed, advance(feed)]));
  try {
    while (!context.signal.aborted) {
      const { feed, step } = await Promise.race(pending.values());
      if (step === undefined) return;
      if (step.delta.type === "listed") versions.set(feed.path, step.delta.resourceVersion);
      const events = state.take(feed, step);
      if (events.length > 0) yield events;
      pending.set(feed, advance(feed));
    }
  } finally {
    // The others still await the abort; nobody looks at them any more.
    for (const promise of pending.values()) promise.catch(() => undefined);
  }
}

function startFeed(kind: Kind, path: string, options: ClusterOptions): Feed {
  const { api, selection, labelSelector, context, versions } = options;
  const follow = <T>(selector: string | undefined, keep: (raw: unknown) => T | undefined) => {
    const query: Query = selector === undefined ? {} : { labelSelector: selector };
    return reflect<T>({ api, path, query, keep, ...context, since: versions.get(path) });
  };
  if (kind === "services") {
    const keep = (raw: unknown) => pick(stripService(raw), (service) => selection.service(service));
    return feedOf({ kind, path }, follow(labelSelector, keep), (store, changes) => store.takeServices(changes));
  }
  const keep = (raw: unknown) => pick(stripSlice(raw), ({ namespace }) => selection.namespace(namespace));
  // Slices that Multi-Cluster Services imported, or that belong to no Service, lack the label.
  return feedOf({ kind, path }, follow(SERVICE_NAME_LABEL, keep), (store, changes) => store.takeSlices(changes));
}

function feedOf<T>(
  named: Pick<Feed, "kind" | "path">,
  deltas: AsyncGenerator<Delta<T>, void, undefined>,
  touch: (store: Store, changes: ReadonlyMap<string, T | undefined>) => ReadonlySet<string>,
): Feed {
  return {
    ...named,
    async next() {
      const { value: delta } = await deltas.next();
      if (delta === undefined) return undefined;
      return { delta, touch: (store) => ("changes" in delta ? touch(store, delta.changes) : NOTHING) };
    },
  };
}

/** Answers of name servers, as if they came from the cluster. */
function namesFeed(names: ExternalNames): Feed {
  return {
    kind: "names",
    path: "",
    async next() {
      const keys = await names.next();
      return { delta: { type: "changed", changes: new Map() }, touch: () => keys };
    },
  };
}

function pick<T>(item: T | undefined, wanted: (item: T) => boolean): T | undefined {
  return item !== undefined && wanted(item) ? item : undefined;
}

/** What came of all feeds so far. Deterministic. */
function createClusterState({ translate: given }: ClusterOptions, { feeds, names }: { feeds: number; names: ExternalNames }) {
  const translate = { ...given, resolved: names.resolved };
  const nameWords = { cluster: given.cluster };
  const store = createStore();
  const listed = new Map<Feed, Evidence>();
  const failing = new Set<Feed>();
  /** Scopes sent for each Service: those of its Pods come and go with them. */
  const sent = new Map<string, ReadonlySet<string>>();

  /** `missing`: of instances that are not there; `evidence`: of Services that are not. */
  const serviceEvents = (key: string, evidence: Evidence, missing: Evidence): readonly RegistryEvent[] => {
    const service = store.service(key);
    const before = sent.get(key) ?? new Set();
    names.use(key, service?.type === "ExternalName" ? service.externalName : undefined);
    const reading = service === undefined ? undefined : translateService(service, store.slices(key), translate);
    const groups = reading?.groups ?? [];
    const now = new Set(groups.map(({ source }) => source.scope));
    if (now.size === 0) sent.delete(key);
    else sent.set(key, now);
    const gone = [...before].filter((scope) => !now.has(scope));
    const goneEvidence = service === undefined ? evidence : missing;
    const unanswered = reading?.externalName !== undefined && names.unknown(reading.externalName);
    const proof = unanswered ? worstEvidence([missing, suspect("partial-read")]) : missing;
    return [
      ...groups.map((group) => {
        const rejected = reading?.rejected.get(group.source.scope);
        return {
          type: "group" as const,
          group: { ...group, nameWords },
          evidence: proof,
          ...(rejected !== undefined && { rejected }),
        };
      }),
      ...gone.map((scope) => ({
        type: "gone" as const,
        source: { registry: translate.registry, scope },
        evidence: goneEvidence,
      })),
    ];
  };

  return {
    take(feed: Feed, { delta, touch }: Step): readonly RegistryEvent[] {
      if (delta.type === "failed") {
        failing.add(feed);
        return [{ type: "degraded", error: delta.error, retryInMs: delta.retryInMs }];
      }
      failing.delete(feed);
      const first = listed.size < feeds;
      if (delta.type === "listed") listed.set(feed, delta.evidence);
      const touched = touch(store);
      // Before all are listed a Service without slices, or slices without their Service, mean nothing.
      if (listed.size < feeds) return [];
      const evidence = delta.type === "listed" ? worstEvidence(listed.values()) : AUTHORITATIVE;
      // A Service that has just come may have slices that cannot be read at the moment.
      const blind = feed.kind === "services" && [...failing].some(({ kind }) => kind === "slices");
      const missing = blind ? worstEvidence([evidence, suspect("partial-read")]) : evidence;
      const events = [...(first ? store.keys() : touched)].flatMap((key) => serviceEvents(key, evidence, missing));
      // A doubt is of the list that raised it: from here on the watch tells what is gone, one by one.
      if (delta.type === "listed")
        for (const known of listed.keys()) if (first || known === feed) listed.set(known, AUTHORITATIVE);
      return failing.size === 0 ? [...events, { type: "synced", evidence }] : events;
    },
  };
}

const NOTHING: ReadonlySet<string> = new Set();
