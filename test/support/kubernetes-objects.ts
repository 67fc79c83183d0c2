/** Services and EndpointSlices as a cluster's own controllers would write them. */
import type { KubernetesApi, KubernetesObject } from "./kubernetes-api.ts";

export interface ServicePort {
  /** Absent: the one port of the Service, unnamed. */
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly appProtocol?: string;
}

export interface ServiceOptions {
  /** Default: one port `http`, 80. */
  readonly ports?: readonly ServicePort[];
  /** `None` makes it headless. */
  readonly clusterIP?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Further fields of the spec. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** One endpoint of a slice; what is absent here is absent there. */
export interface SliceEndpoint {
  readonly address: string;
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly zone?: string;
  readonly nodeName?: string;
  readonly hostname?: string;
  readonly hints?: { readonly forZones: readonly { readonly name: string }[] };
  readonly targetRef?: { readonly kind: string; readonly name: string; readonly namespace: string; readonly uid?: string };
}

export interface SliceOptions {
  readonly endpoints: readonly SliceEndpoint[];
  /** Default: one port `http`, 80. */
  readonly ports?: readonly { readonly name?: string; readonly port: number; readonly appProtocol?: string }[];
  readonly addressType?: "IPv4" | "IPv6" | "FQDN";
  /** Added to the service's name; default `1`. */
  readonly suffix?: string;
}

const HTTP = [{ name: "http", port: 80 }] as const;

export function namespaceObject(name: string, labels: Readonly<Record<string, string>> = {}): KubernetesObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

export function serviceObject(namespace: string, name: string, options: ServiceOptions = {}): KubernetesObject {
  const { ports = HTTP, clusterIP, labels = {}, annotations = {}, spec = {} } = options;
  const address = clusterIP === undefined ? {} : { clusterIP };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels, annotations },
    spec: { ports: ports.map((port) => ({ protocol: "TCP", ...port })), ...address, ...spec },
  };
}

export function sliceObject(namespace: string, service: string, options: SliceOptions): KubernetesObject {
  const { endpoints, ports = HTTP, addressType = "IPv4", suffix = "1" } = options;
  const labels = { "kubernetes.io/service-name": service, "endpointslice.kubernetes.io/managed-by": "tests" };
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${service}-${suffix}`, namespace, labels },
    addressType,
    endpoints: endpoints.map(({ address, ...rest }) => ({ addresses: [address], ...rest })),
    ports: ports.map((port) => ({ protocol: "TCP", ...port })),
  };
}

export function nodeObject(name: string, zone: string, region = "eu"): KubernetesObject {
  const labels = { "topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": region };
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels } };
}

/** A Service with one slice of ready endpoints, in a namespace that is made if need be. */
export async function putService(
  api: KubernetesApi,
  [namespace, name]: readonly [namespace: string, name: string],
  options: SliceOptions & { readonly service?: ServiceOptions },
): Promise<void> {
  await api.apply(namespaceObject(namespace));
  await api.apply(serviceObject(namespace, name, options.service));
  await api.apply(sliceObject(namespace, name, options));
}
