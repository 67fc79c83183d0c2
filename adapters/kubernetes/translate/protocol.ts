/** What is spoken on a port of a Service. */
import type { Protocol } from "../../../src/model/service.ts";

/** Names of `appProtocol` (KEP-3726 and IANA) and prefixes of port names; the same words mean the same in both places. */
const BY_NAME: ReadonlyMap<string, Protocol> = new Map<string, Protocol>([
  ["kubernetes.io/h2c", "HTTP2"],
  ["kubernetes.io/ws", "HTTP"],
  ["kubernetes.io/wss", "TLS"],
  ["http", "HTTP"],
  ["http_proxy", "HTTP"],
  ["ws", "HTTP"],
  ["grpc-web", "HTTP"],
  ["http2", "HTTP2"],
  ["h2c", "HTTP2"],
  ["grpc", "GRPC"],
  ["https", "TLS"],
  ["tls", "TLS"],
  ["ssl", "TLS"],
  ["wss", "TLS"],
  ["h2", "TLS"],
  ["grpcs", "TLS"],
  ["tcp", "TCP"],
  ["mongo", "TCP"],
  ["mongodb", "TCP"],
  ["mysql", "TCP"],
  ["postgres", "TCP"],
  ["postgresql", "TCP"],
  ["redis", "TCP"],
  ["thrift", "TCP"],
  ["kafka", "TCP"],
  ["amqp", "TCP"],
  ["smtp", "TCP"],
  ["dns", "TCP"],
  ["domain", "TCP"],
]);

/** SMTP, DNS, MySQL, MongoDB: the server speaks first or in a form of its own, so HTTP is a bad guess. */
const WELL_KNOWN_TCP: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

export interface PortFacts {
  readonly name: string;
  readonly port: number;
  readonly appProtocol: string | undefined;
}

/**
 * In this order: appProtocol; the port's name up to the first `-` (`grpc-web` before `grpc`); well-known numbers; the
 * default. Case does not count. An appProtocol with a prefix that is not known (`example.com/x`) is somebody's own and
 * says nothing; one without is a name of IANA's for something that is not HTTP, hence TCP.
 */
export function protocolOf({ name, port, appProtocol }: PortFacts, defaultProtocol: Protocol): Protocol {
  return (
    byAppProtocol(appProtocol?.toLowerCase()) ??
    byPortName(name.toLowerCase()) ??
    (WELL_KNOWN_TCP.has(port) ? "TCP" : defaultProtocol)
  );
}

function byAppProtocol(appProtocol: string | undefined): Protocol | undefined {
  if (appProtocol === undefined || appProtocol === "") return undefined;
  return BY_NAME.get(appProtocol) ?? (appProtocol.includes("/") ? undefined : "TCP");
}

function byPortName(name: string): Protocol | undefined {
  if (name === "grpc-web" || name.startsWith("grpc-web-")) return BY_NAME.get("grpc-web");
  return BY_NAME.get(name.split("-", 1)[0] ?? name);
}
