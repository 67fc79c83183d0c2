/** Delta ADS streams over raw HTTP/2: as many as asked for, at most 100 a connection, as proxies of one view would open. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { Cluster, Cluster_DiscoveryType } from "../../src/gen/envoy/config/cluster/v3/cluster.ts";
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import { deframer, encodeAck, frame, type ScannedResponse, scanResponse } from "./wire.ts";

export const STREAMS_PER_CONNECTION = 100;
const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const WINDOW_BYTES = 64 * 1024 * 1024;

/** `node` of a printed bootstrap, as far as the bridge looks at it. */
export interface BootstrapNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string };
}

export interface AdsEvents {
  /** Right after the response was acknowledged. `bytes`: of the message with its gRPC prefix. */
  onAcknowledged(response: ScannedResponse, message: Buffer, bytes: number): void;
  /** The stream ended or broke: a measurement with one stream fewer is void. */
  onEnd(reason: string): void;
}

export async function openConnection(host: string, port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://${host}:${port}`, { settings: { initialWindowSize: WINDOW_BYTES } });
  await new Promise<void>((resolve, reject) => {
    session.once("connect", () => resolve());
    session.once("error", reject);
  });
  session.setLocalWindowSize(WINDOW_BYTES);
  return session;
}

/**
 * Opens one stream as Envoy does: all clusters by wildcard, then the endpoints of those that have them by name.
 * Everything is acknowledged at once.
 */
export function openAdsStream(session: ClientHttp2Session, node: BootstrapNode, events: AdsEvents): ClientHttp2Stream {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: PATH,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
    [constants.HTTP2_HEADER_TE]: "trailers",
  });
  const take = (message: Buffer, bytes: number) => {
    const response = scanResponse(message);
    stream.write(frame(encodeAck(response.typeUrl, response.nonce)));
    if (response.typeUrl === TYPE_URL.cluster) {
      const names = endpointNames(message);
      if (names.length > 0) stream.write(frame(subscribe(TYPE_URL.endpoint, names, undefined)));
    }
    events.onAcknowledged(response, message, bytes);
  };
  stream.on("data", deframer(take));
  stream.on("error", (error) => events.onEnd(error.message));
  stream.on("trailers", (headers) => events.onEnd(`grpc-status ${headers["grpc-status"]}: ${headers["grpc-message"]}`));
  stream.on("close", () => events.onEnd("closed"));
  stream.write(frame(subscribe(TYPE_URL.cluster, ["*"], node)));
  return stream;
}

function subscribe(typeUrl: string, names: readonly string[], node: BootstrapNode | undefined): Uint8Array {
  const { region = "", zone = "", sub_zone: subZone = "" } = node?.locality ?? {};
  const identity =
    node === undefined ? undefined : { ...node, metadata: { ...node.metadata }, locality: { region, zone, subZone } };
  const request = DeltaDiscoveryRequest.fromPartial({
    ...(identity === undefined ? {} : { node: identity }),
    typeUrl,
    resourceNamesSubscribe: [...names],
  });
  return DeltaDiscoveryRequest.encode(request).finish();
}

/** The names under which the endpoints of the clusters in this response are asked for. */
function endpointNames(message: Buffer): readonly string[] {
  const { resources } = DeltaDiscoveryResponse.decode(message);
  return resources.flatMap(({ resource }) => {
    if (resource === undefined) return [];
    const cluster = Cluster.decode(resource.value);
    const type = cluster.clusterDiscoveryType;
    if (type?.$case !== "type" || type.value !== Cluster_DiscoveryType.EDS) return [];
    return [cluster.edsClusterConfig?.serviceName || cluster.name];
  });
}
