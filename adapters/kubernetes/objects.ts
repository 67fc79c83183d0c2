/** The parts of Kubernetes objects that the adapter keeps; everything else is dropped as it is read. */

export interface KubePort {
  readonly name: string;
  readonly port: number;
  /** TCP, UDP or SCTP. */
  readonly transport: string;
  readonly appProtocol: string | undefined;
}

export interface KubeService {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Those of `meshbridge.io/…` and the few that others defined and we read. */
  readonly annotations: Readonly<Record<string, string>>;
  /** ClusterIP, NodePort, LoadBalancer or ExternalName. */
  readonly type: string;
  readonly headless: boolean;
  readonly externalName: string | undefined;
  readonly publishNotReadyAddresses: boolean;
  readonly trafficDistribution: string | undefined;
  readonly ports: readonly KubePort[];
}

export interface KubeEndpoint {
  /** One address: the API promises that several of one endpoint mean the same, and that only the first counts. */
  readonly address: string;
  /** As sent; undefined is not false (KEP-1672). */
  readonly conditions: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly hostname: string | undefined;
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  /** Name of the Pod behind it. */
  readonly podName: string | undefined;
  readonly hintZones: readonly string[];
  readonly hintNodes: readonly string[];
}

export interface KubeEndpointSlice {
  readonly namespace: string;
  readonly name: string;
  /** The label `kubernetes.io/service-name`. */
  readonly serviceName: string;
  readonly addressType: string;
  /** `port` undefined: all ports, which nothing here can dial. */
  readonly ports: readonly {
    readonly name: string;
    readonly port: number | undefined;
    readonly transport: string;
    readonly appProtocol: string | undefined;
  }[];
  readonly endpoints: readonly KubeEndpoint[];
}
