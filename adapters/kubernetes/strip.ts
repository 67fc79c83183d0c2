/**
 * API objects to the few fields that are kept: memory follows what is used, not what is stored. Pure; every object is
 * hostile input, so whatever has another form than the API's is left out, field by field, or as a whole when it has no name.
 */
import type { KubeEndpoint, KubeEndpointSlice, KubePort, KubeService } from "./objects.ts";

type Mapping = Readonly<Record<string, unknown>>;

/** Written by the EndpointSlice controllers. */
export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
/** Annotations of others that mean something here. */
const FOREIGN_ANNOTATIONS = [
  "networking.istio.io/traffic-distribution",
  "service.kubernetes.io/topology-mode",
  "service.kubernetes.io/topology-aware-hints",
];
const OWN_PREFIX = "meshbridge.io/";

/** Undefined: an object without a name. */
export function stripService(raw: unknown): KubeService | undefined {
  const names = namesOf(raw);
  if (names === undefined) return undefined;
  const spec = mapping(mapping(raw)["spec"]);
  return {
    ...names,
    labels: texts(mapping(mapping(raw)["metadata"])["labels"]),
    annotations: annotationsOf(raw),
    type: text(spec["type"]) ?? "ClusterIP",
    headless: spec["clusterIP"] === "None",
    externalName: text(spec["externalName"]),
    publishNotReadyAddresses: spec["publishNotReadyAddresses"] === true,
    trafficDistribution: text(spec["trafficDistribution"]),
    ports: list(spec["ports"]).flatMap(servicePort),
  };
}

/** Undefined: an object without a name, or a slice of no Service (also one that Multi-Cluster Services imported). */
export function stripSlice(raw: unknown): KubeEndpointSlice | undefined {
  const names = namesOf(raw);
  const serviceName = text(mapping(mapping(mapping(raw)["metadata"])["labels"])[SERVICE_NAME_LABEL]);
  if (names === undefined || serviceName === undefined) return undefined;
  const slice = mapping(raw);
  return {
    ...names,
    serviceName,
    addressType: text(slice["addressType"]) ?? "",
    ports: list(slice["ports"]).map((port) => ({
      name: text(port["name"]) ?? "",
      port: number(port["port"]),
      transport: text(port["protocol"]) ?? "TCP",
      appProtocol: text(port["appProtocol"]),
    })),
    endpoints: list(slice["endpoints"]).flatMap(endpoint),
  };
}

function namesOf(raw: unknown): { readonly namespace: string; readonly name: string } | undefined {
  const { name, namespace } = mapping(mapping(raw)["metadata"]);
  return text(name) === undefined || text(namespace) === undefined
    ? undefined
    : { namespace: namespace as string, name: name as string };
}

function annotationsOf(raw: unknown): Readonly<Record<string, string>> {
  const all = Object.entries(texts(mapping(mapping(raw)["metadata"])["annotations"]));
  return Object.fromEntries(all.filter(([key]) => key.startsWith(OWN_PREFIX) || FOREIGN_ANNOTATIONS.includes(key)));
}

function servicePort(raw: Mapping): readonly KubePort[] {
  const port = number(raw["port"]);
  if (port === undefined) return [];
  return [
    { name: text(raw["name"]) ?? "", port, transport: text(raw["protocol"]) ?? "TCP", appProtocol: text(raw["appProtocol"]) },
  ];
}

/** The API promises at least one address, and that only the first counts. */
function endpoint(raw: Mapping): readonly KubeEndpoint[] {
  const [address] = Array.isArray(raw["addresses"]) ? raw["addresses"] : [];
  if (text(address) === undefined) return [];
  const { ready, serving, terminating } = mapping(raw["conditions"]);
  const target = mapping(raw["targetRef"]);
  const hints = mapping(raw["hints"]);
  return [
    {
      address: address as string,
      conditions: {
        ...(typeof ready === "boolean" && { ready }),
        ...(typeof serving === "boolean" && { serving }),
        ...(typeof terminating === "boolean" && { terminating }),
      },
      hostname: text(raw["hostname"]),
      nodeName: text(raw["nodeName"]),
      zone: text(raw["zone"]),
      podName: target["kind"] === "Pod" ? text(target["name"]) : undefined,
      hintZones: list(hints["forZones"]).flatMap(({ name }) => text(name) ?? []),
      hintNodes: list(hints["forNodes"]).flatMap(({ name }) => text(name) ?? []),
    },
  ];
}

function mapping(value: unknown): Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}

function list(value: unknown): readonly Mapping[] {
  return Array.isArray(value) ? value.map(mapping) : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 65_535 ? value : undefined;
}

function texts(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(mapping(value)).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(entries);
}
