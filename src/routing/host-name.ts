/** The host name of a service, one way for everybody who writes or reads it. Pure. */
import type { ServiceKey } from "../model/service.ts";

/** The host name clients dial: `<service>.<namespace>.<domain>`, lower case since Envoy and DNS compare names so. */
export function hostName({ namespace, name }: ServiceKey, domain: string): string {
  return `${name}.${namespace}.${domain}`.toLowerCase();
}
