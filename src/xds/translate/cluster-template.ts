/**
 * Clusters as bytes, of which thousands differ in how they are called alone: what a policy makes the same for all of them is
 * encoded once, by the generated code, and what is a cluster's own is written by hand around it. The bytes are those that the
 * generated code writes for the whole. Field numbers: cluster.proto of Envoy. Pure.
 */
import { Cluster, Cluster_DiscoveryType } from "../../gen/envoy/config/cluster/v3/cluster.ts";
import { ConfigSource } from "../../gen/envoy/config/core/v3/config_source.ts";
import { LENGTH, VARINT } from "../wire-types.ts";
import { tag, textUnlessEmpty, wireEncoder } from "../wire-writer.ts";
import { adsSource, encoded } from "./common.ts";
import { type FilterMetadata, filterMetadata } from "./filter-metadata.ts";

/** What is alike, in the two parts between which the metadata stands. */
export interface ClusterTemplate {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** What is a cluster's own. It is discovered by EDS over the aggregated stream, under its own name. */
export interface ClusterNames {
  readonly name: string;
  /** Empty: none. */
  readonly altStatName: string;
  readonly metadata: FilterMetadata;
}

/** Written after the metadata: of all fields that the bridge uses these alone. */
type After = Pick<Cluster, "upstreamConnectionOptions" | "closeConnectionsOnHostHealthFailure" | "ignoreHealthOnHostRemoval">;

const CLUSTER = {
  name: tag(1, LENGTH),
  type: tag(2, VARINT),
  edsClusterConfig: tag(3, LENGTH),
  metadata: tag(25, LENGTH),
  altStatName: tag(28, LENGTH),
};
const EDS = { edsConfig: tag(1, LENGTH), serviceName: tag(2, LENGTH) };

const adsBytes = encoded(ConfigSource, adsSource());

/** `cluster`: any of those that are alike, whatever it is called. One that is dialled by mutual TLS is like no other. */
export function clusterTemplate(cluster: Cluster): ClusterTemplate {
  const { upstreamConnectionOptions, closeConnectionsOnHostHealthFailure, ignoreHealthOnHostRemoval } = cluster;
  const later: After = { upstreamConnectionOptions, closeConnectionsOnHostHealthFailure, ignoreHealthOnHostRemoval };
  const none: After = {
    upstreamConnectionOptions: undefined,
    closeConnectionsOnHostHealthFailure: false,
    ignoreHealthOnHostRemoval: false,
  };
  const own = { name: "", altStatName: "", clusterDiscoveryType: undefined, edsClusterConfig: undefined, metadata: undefined };
  return {
    before: encoded(Cluster, { ...cluster, ...own, ...none }),
    after: encoded(Cluster, { ...Cluster.fromPartial({}), ...later }),
  };
}

export function encodeCluster({ before, after }: ClusterTemplate, { name, altStatName, metadata }: ClusterNames): Uint8Array {
  return wireEncoder.encode((writer) => {
    writer.encoded(after);
    filterMetadata(writer, CLUSTER.metadata, metadata);
    writer.encoded(before);
    const end = writer.end();
    textUnlessEmpty(writer, EDS.serviceName, name);
    const sourceEnd = writer.end();
    writer.encoded(adsBytes);
    writer.length(EDS.edsConfig, sourceEnd);
    writer.length(CLUSTER.edsClusterConfig, end);
    writer.uint32(CLUSTER.type, Cluster_DiscoveryType.EDS);
    textUnlessEmpty(writer, CLUSTER.altStatName, altStatName);
    textUnlessEmpty(writer, CLUSTER.name, name);
  });
}
