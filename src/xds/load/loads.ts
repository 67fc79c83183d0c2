/**
 * What clients report of the load they put on clusters (LRS), summed since the process began and over the last report.
 * Deterministic; the reports are what clients say of themselves, so numbers and the count of names are bounded.
 */
import type { ClusterStats } from "../../gen/envoy/config/endpoint/v3/load_report.ts";
import { type Locality, localityName } from "../../model/locality.ts";

/** Load of one cluster in one locality, over all clients that report. */
export interface Load {
  readonly cluster: string;
  readonly locality: Locality;
  /** Counted since the process began. */
  readonly issued: number;
  readonly succeeded: number;
  readonly failed: number;
  /** As of each client's last report, summed. */
  readonly inProgress: number;
}

export interface ClientLoads {
  /** Takes one report: what happened since the client's report before. */
  report(stats: readonly ClusterStats[]): void;
  /** The client is gone: what it had in progress no longer counts. */
  close(): void;
}

export interface Loads {
  open(): ClientLoads;
  /** Sorted by cluster, then locality. */
  all(): readonly Load[];
  /** Requests that clients dropped by policy, by cluster, since the process began. */
  dropped(): ReadonlyMap<string, number>;
}

/** More clusters and localities than this together are not kept: names come from clients. */
const MAX_SERIES = 100_000;

interface Series {
  readonly cluster: string;
  readonly locality: Locality;
  issued: number;
  succeeded: number;
  failed: number;
  readonly inProgress: Map<ClientLoads, number>;
}

export function createLoads(): Loads {
  const series = new Map<string, Series>();
  const dropped = new Map<string, number>();

  const seriesOf = (cluster: string, place: Locality): Series | undefined => {
    const key = `${cluster} ${localityName(place)}`;
    const known = series.get(key);
    if (known !== undefined || series.size >= MAX_SERIES) return known;
    const made: Series = { cluster, locality: place, issued: 0, succeeded: 0, failed: 0, inProgress: new Map() };
    series.set(key, made);
    return made;
  };

  return {
    open() {
      const client: ClientLoads = {
        report(stats) {
          for (const { clusterName, totalDroppedRequests, upstreamLocalityStats } of stats) {
            if (dropped.size < MAX_SERIES || dropped.has(clusterName))
              dropped.set(clusterName, (dropped.get(clusterName) ?? 0) + totalDroppedRequests);
            for (const one of upstreamLocalityStats) {
              const { region = "", zone = "", subZone = "" } = one.locality ?? {};
              const into = seriesOf(clusterName, { region, zone, subZone });
              if (into === undefined) continue;
              into.issued += one.totalIssuedRequests;
              into.succeeded += one.totalSuccessfulRequests;
              into.failed += one.totalErrorRequests;
              into.inProgress.set(client, one.totalRequestsInProgress);
            }
          }
        },
        close() {
          for (const one of series.values()) one.inProgress.delete(client);
        },
      };
      return client;
    },
    all: () =>
      [...series]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { inProgress, ...one }]) => ({ ...one, inProgress: [...inProgress.values()].reduce((sum, n) => sum + n, 0) })),
    dropped: () => dropped,
  };
}
