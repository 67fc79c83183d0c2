/** A group: one service as one source sees it. The unit of exchange between adapters, supervisor and catalog. */
import type { Instance } from "./instance.ts";
import type { ServiceKey, ServicePort } from "./service.ts";
import type { Source } from "./source.ts";

export interface Group {
  readonly source: Source;
  readonly service: ServiceKey;
  readonly ports: readonly ServicePort[];
  readonly labels: Readonly<Record<string, string>>;
  /** Empty: the service exists and nobody serves it. */
  readonly instances: readonly Instance[];
  /** Further host names of the service, lower case; none: only `<service>.<namespace>.<mesh.domain>`. */
  readonly hosts?: readonly string[];
  /** What templates of the configuration may use to name the service (registry/naming.ts). Goes no further than that. */
  readonly nameWords?: Readonly<Record<string, string>>;
}
