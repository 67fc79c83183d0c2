/**
 * The discovery services by name, written by hand: both sides of every method carry bytes, so that what was encoded
 * once is sent as it is (envoy/service/discovery/v3/ads.proto, lds.proto, rds.proto, cds.proto, eds.proto, sds.proto,
 * extension/v3/config_discovery.proto).
 */
import type { handleBidiStreamingCall, MethodDefinition, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Variant } from "../stream/messages.ts";
import { TYPE_URL, type TypeUrl } from "../types.ts";

export interface StreamKind {
  readonly variant: Variant;
  /** The only type of a single-type service; undefined: aggregated, every request names its type. */
  readonly typeUrl: TypeUrl | undefined;
}

export interface BoundService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

type Handler = handleBidiStreamingCall<Buffer, Buffer>;

const identity = (bytes: Buffer): Buffer => bytes;

interface SingleType {
  readonly service: string;
  readonly noun: string;
  readonly typeUrl: TypeUrl;
  readonly deltaOnly?: boolean;
}

const SINGLE: readonly SingleType[] = [
  { service: "envoy.service.listener.v3.ListenerDiscoveryService", noun: "Listeners", typeUrl: TYPE_URL.listener },
  { service: "envoy.service.route.v3.RouteDiscoveryService", noun: "Routes", typeUrl: TYPE_URL.route },
  { service: "envoy.service.cluster.v3.ClusterDiscoveryService", noun: "Clusters", typeUrl: TYPE_URL.cluster },
  { service: "envoy.service.endpoint.v3.EndpointDiscoveryService", noun: "Endpoints", typeUrl: TYPE_URL.endpoint },
  // Delta alone: Envoy's API has no other way to ask for a virtual host.
  {
    service: "envoy.service.route.v3.VirtualHostDiscoveryService",
    noun: "VirtualHosts",
    typeUrl: TYPE_URL.virtualHost,
    deltaOnly: true,
  },
  {
    service: "envoy.service.extension.v3.ExtensionConfigDiscoveryService",
    noun: "ExtensionConfigs",
    typeUrl: TYPE_URL.extension,
  },
  { service: "envoy.service.secret.v3.SecretDiscoveryService", noun: "Secrets", typeUrl: TYPE_URL.secret },
];

const AGGREGATED = {
  service: "envoy.service.discovery.v3.AggregatedDiscoveryService",
  noun: "AggregatedResources",
  typeUrl: undefined,
  deltaOnly: false,
};

type Method = readonly [name: string, kind: StreamKind];

/** Every method of every service, bound to the handler that `handlerOf` makes for its kind. */
export function discoveryServices(handlerOf: (kind: StreamKind) => Handler): readonly BoundService[] {
  return [AGGREGATED, ...SINGLE].map(({ service, noun, typeUrl, deltaOnly = false }) => {
    const sotw: readonly Method[] = deltaOnly ? [] : [[`Stream${noun}`, { variant: "sotw", typeUrl }]];
    const methods: readonly Method[] = [...sotw, [`Delta${noun}`, { variant: "delta", typeUrl }]];
    return {
      definition: Object.fromEntries(methods.map(([name]) => [name, bytesMethod(`/${service}/${name}`)])),
      implementation: Object.fromEntries(methods.map(([name, kind]) => [name, handlerOf(kind)])),
    };
  });
}

/** A method whose both sides are streams of bytes. */
export function bytesMethod(path: string): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}
