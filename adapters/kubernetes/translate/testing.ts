/** For tests: objects with everything that a case does not speak of filled in. */
import type { KubeEndpoint, KubeEndpointSlice, KubePort, KubeService } from "../objects.ts";
import type { TranslateContext } from "./types.ts";

export function kubePort(fields: Partial<KubePort> = {}): KubePort {
  return { name: "http", port: 80, transport: "TCP", appProtocol: undefined, ...fields };
}

export function kubeService(fields: Partial<KubeService> = {}): KubeService {
  return {
    namespace: "shop",
    name: "checkout",
    labels: {},
    annotations: {},
    type: "ClusterIP",
    headless: false,
    externalName: undefined,
    publishNotReadyAddresses: false,
    trafficDistribution: undefined,
    ports: [kubePort()],
    ...fields,
  };
}

export function kubeEndpoint(address: string, fields: Partial<KubeEndpoint> = {}): KubeEndpoint {
  return {
    address,
    conditions: { ready: true, serving: true, terminating: false },
    hostname: undefined,
    nodeName: undefined,
    zone: undefined,
    podName: undefined,
    hintZones: [],
    hintNodes: [],
    ...fields,
  };
}

export function slicePort(fields: Partial<KubeEndpointSlice["ports"][number]> = {}): KubeEndpointSlice["ports"][number] {
  return { name: "http", port: 8080, transport: "TCP", appProtocol: undefined, ...fields };
}

export function kubeSlice(endpoints: readonly KubeEndpoint[], fields: Partial<KubeEndpointSlice> = {}): KubeEndpointSlice {
  return {
    namespace: "shop",
    name: "checkout-abcde",
    serviceName: "checkout",
    addressType: "IPv4",
    ports: [slicePort()],
    endpoints,
    ...fields,
  };
}

/** As JSON has it: maps are objects. */
export interface ContextFields extends Partial<Omit<TranslateContext, "regions" | "namespaces" | "resolved">> {
  readonly regions?: Readonly<Record<string, string>>;
  readonly namespaces?: Readonly<Record<string, string>>;
  readonly resolved?: Readonly<Record<string, readonly string[]>>;
}

export function translateContext({ regions, namespaces, resolved, ...fields }: ContextFields = {}): TranslateContext {
  return {
    registry: "kube",
    cluster: "east",
    network: "flat",
    locality: { region: "eu-west-1" },
    family: "ipv4",
    headlessPods: false,
    hints: true,
    defaultProtocol: "TCP",
    ...fields,
    regions: new Map(Object.entries(regions ?? {})),
    namespaces: new Map(Object.entries(namespaces ?? {})),
    resolved: new Map(Object.entries(resolved ?? {})),
  };
}
