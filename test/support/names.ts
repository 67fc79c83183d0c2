/** Names of what the bridge makes, as Envoy shows them: written down once, so that a test reads like its subject. */

/** The cluster of one port of a service. */
export function clusterOf(service: string, port: string): string {
  return `${service}/${port}`;
}
