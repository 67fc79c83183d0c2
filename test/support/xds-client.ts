/** A plain delta client of the xDS port: subscribes to clusters, answers everything, remembers what it holds. */
import { connect as connectHttp2 } from "node:http2";
import { type ClientDuplexStream, credentials, Client as GrpcClient, Metadata, type ServiceError } from "@grpc/grpc-js";
import { Node } from "../../src/gen/envoy/config/core/v3/base.ts";
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { TYPE_URL } from "../../src/xds/types.ts";

const DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const identity = (bytes: Buffer) => bytes;

export interface XdsClient {
  /** Cluster name to version. */
  readonly held: ReadonlyMap<string, string>;
  /** Names in the newest response. */
  readonly newest: readonly string[];
  readonly responses: number;
  /** How the stream ended; undefined while it is open. */
  readonly ended: ServiceError | "regularly" | undefined;
  readonly call: ClientDuplexStream<Buffer, Buffer>;
}

export interface XdsClientOptions {
  readonly id: string;
  /** What it says it holds: a client that reconnects. */
  readonly initial?: ReadonlyMap<string, string>;
  readonly metadata?: Metadata;
}

/** A connection of its own to 127.0.0.1:`port`; closed with the scope. */
export function connectXds(port: number, scope: AsyncDisposableStack): GrpcClient {
  // Without an option of its own grpc-js shares one connection between clients of an address.
  const client = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  scope.defer(() => client.close());
  return client;
}

/** Opens a stream on the connection. */
export function openXds(client: GrpcClient, options: XdsClientOptions): XdsClient {
  const { id, initial = new Map(), metadata = new Metadata() } = options;
  const call = client.makeBidiStreamRequest(DELTA, identity, identity, metadata);
  const held = new Map(initial);
  const state: { newest: readonly string[]; responses: number; ended: XdsClient["ended"] } = {
    newest: [],
    responses: 0,
    ended: undefined,
  };
  const say = (request: Partial<DeltaDiscoveryRequest>) =>
    call.write(Buffer.from(DeltaDiscoveryRequest.encode({ ...DeltaDiscoveryRequest.fromPartial({}), ...request }).finish()));
  call.on("error", (error: ServiceError) => {
    state.ended ??= error;
  });
  call.on("end", () => {
    state.ended ??= "regularly";
  });
  call.on("data", (bytes: Buffer) => {
    const { typeUrl, nonce, resources, removedResources } = DeltaDiscoveryResponse.decode(bytes);
    state.responses++;
    state.newest = resources.map(({ name }) => name);
    for (const { name, version } of resources) held.set(name, version);
    for (const name of removedResources) held.delete(name);
    if (state.ended === undefined) say({ typeUrl, responseNonce: nonce });
  });
  say({
    node: Node.fromPartial({ id }),
    typeUrl: TYPE_URL.cluster,
    initialResourceVersions: Object.fromEntries(initial),
  });
  return {
    held,
    call,
    get newest() {
      return state.newest;
    },
    get responses() {
      return state.responses;
    },
    get ended() {
      return state.ended;
    },
  };
}

/** A client that asks for everything and then reads nothing at all: HTTP/2 without gRPC, which would read ahead. */
export function openDeaf(port: number, id: string, scope: AsyncDisposableStack): void {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  // It is cut off: that is what is looked for.
  session.on("error", () => session.destroy());
  scope.defer(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": DELTA,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => stream.destroy());
  const node = Node.fromPartial({ id });
  const request = { ...DeltaDiscoveryRequest.fromPartial({}), node, typeUrl: TYPE_URL.cluster };
  const message = DeltaDiscoveryRequest.encode(request).finish();
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.byteLength, 1);
  stream.write(Buffer.concat([prefix, message]));
}
