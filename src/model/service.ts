/** A service and its ports: what clients ask for. */

/** Identity of a service over all registries and clusters. */
export interface ServiceKey {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name`: the key in maps, in configuration and in the API. Neither part ever holds a slash. */
export type ServiceId = string;

export function serviceId({ namespace, name }: ServiceKey): ServiceId {
  return `${namespace}/${name}`;
}

/** The reverse of `serviceId`; undefined when the text has not exactly one slash with something on both sides. */
export function parseServiceId(text: string): ServiceKey | undefined {
  const [namespace, name, ...rest] = text.split("/");
  return namespace && name && rest.length === 0 ? { namespace, name } : undefined;
}

/** What is spoken on a port. HTTP2 and GRPC mean prior-knowledge HTTP/2; TLS is passed through by SNI. */
export const PROTOCOLS = ["HTTP", "HTTP2", "GRPC", "TCP", "TLS"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export function isHttp(protocol: Protocol): boolean {
  return protocol === "HTTP" || protocol === "HTTP2" || protocol === "GRPC";
}

export interface ServicePort {
  /** Unique in its service; instances give their own number for it. */
  readonly name: string;
  /** The number clients dial by (1–65535). Where the registry has no such notion it is inferred from instances. */
  readonly port: number;
  readonly protocol: Protocol;
  /** True where `port` was inferred: another source's declared number wins over it without a conflict. */
  readonly inferred: boolean;
}
