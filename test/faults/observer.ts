/** A delta ADS client that remembers everything: no endpoint can leave and come back between two looks. */

import { type BootstrapNode, openAdsStream, openConnection } from "../../bench/support/ads-stream.ts";
import { healthStatusToJSON } from "../../src/gen/envoy/config/core/v3/health_check.ts";
import { ClusterLoadAssignment } from "../../src/gen/envoy/config/endpoint/v3/endpoint.ts";
import { DeltaDiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import { eventually } from "../support/eventually.ts";

/** An endpoint that was in an answer and was not in the next, or whose whole resource was removed. */
export interface Departure {
  readonly cluster: string;
  /** `address:port`. */
  readonly endpoint: string;
  /** `performance.now()`. */
  readonly at: number;
}

export interface Observer {
  /** Health by `address:port`, as last told; empty for a cluster that was never told. */
  endpoints(cluster: string): ReadonlyMap<string, string>;
  /** Every departure since the start, in order. */
  readonly departures: readonly Departure[];
  /** Endpoints that were told to be anything but HEALTHY at any time since `from`, as `cluster endpoint`. */
  unhealthySince(from: number): ReadonlySet<string>;
  /** Resolves with the ms until the endpoint is told to be there (`true`) or not. */
  until(cluster: string, endpoint: string, there: boolean, withinMs: number): Promise<number>;
  /** Resolves with the ms until the endpoint is told to be HEALTHY. */
  untilHealthy(cluster: string, endpoint: string, withinMs: number): Promise<number>;
  /** Throws when the stream has ended. */
  assertOpen(): void;
}

/** Opens the stream; answers come from then on. */
export async function startObserver(port: number, node: BootstrapNode, scope: AsyncDisposableStack): Promise<Observer> {
  const session = await openConnection("127.0.0.1", port);
  const seen = new Map<string, Map<string, string>>();
  const departures: Departure[] = [];
  const troubles: { readonly key: string; readonly at: number }[] = [];
  let ended: string | undefined;
  let closing = false;
  const update = (cluster: string, endpoints: Map<string, string>) => {
    const at = performance.now();
    for (const endpoint of seen.get(cluster)?.keys() ?? [])
      if (!endpoints.has(endpoint)) departures.push({ cluster, endpoint, at });
    for (const [endpoint, health] of endpoints) if (health !== "HEALTHY") troubles.push({ key: `${cluster} ${endpoint}`, at });
    seen.set(cluster, endpoints);
  };
  openAdsStream(session, node, {
    onAcknowledged({ typeUrl }, message) {
      if (typeUrl !== TYPE_URL.endpoint) return;
      const { resources, removedResources } = DeltaDiscoveryResponse.decode(message);
      for (const { name, resource } of resources)
        if (resource !== undefined) update(name, endpointsOf(ClusterLoadAssignment.decode(resource.value)));
      for (const name of removedResources) update(name, new Map());
    },
    onEnd(reason) {
      if (!closing) ended ??= reason;
    },
  });
  scope.defer(() => {
    closing = true;
    session.destroy();
  });
  return {
    endpoints: (cluster) => seen.get(cluster) ?? new Map(),
    departures,
    unhealthySince: (from) => new Set(troubles.filter(({ at }) => at >= from).map(({ key }) => key)),
    until: (cluster, endpoint, there, withinMs) =>
      eventually(
        `${endpoint} is ${there ? "in" : "out of"} ${cluster}`,
        () => {
          const known = [...(seen.get(cluster)?.keys() ?? [])];
          if (known.includes(endpoint) !== there) throw new Error(`told: ${known.join(", ") || "nothing"}`);
        },
        { withinMs, everyMs: 5 },
      ),
    untilHealthy: (cluster, endpoint, withinMs) =>
      eventually(
        `${endpoint} of ${cluster} is HEALTHY`,
        () => {
          const health = seen.get(cluster)?.get(endpoint);
          if (health !== "HEALTHY") throw new Error(`told: ${health ?? "not there"}`);
        },
        { withinMs, everyMs: 5 },
      ),
    assertOpen() {
      if (ended !== undefined) throw new Error(`the ADS stream ended: ${ended}`);
    },
  };
}

function endpointsOf(assignment: ClusterLoadAssignment): Map<string, string> {
  const endpoints = assignment.endpoints.flatMap(({ lbEndpoints }) => lbEndpoints);
  return new Map(
    endpoints.flatMap(({ hostIdentifier, healthStatus }) => {
      const socket =
        hostIdentifier?.$case === "endpoint" && hostIdentifier.value.address?.address?.$case === "socketAddress"
          ? hostIdentifier.value.address.address.value
          : undefined;
      if (socket === undefined) return [];
      const port = socket.portSpecifier?.$case === "portValue" ? socket.portSpecifier.value : 0;
      return [[`${socket.address}:${port}`, healthStatusToJSON(healthStatus)] as const];
    }),
  );
}
