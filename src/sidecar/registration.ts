/** One instance of a service that is to be registered, in words that every registry's format can be made from. */
import type { Traffic } from "./plan/record.ts";

export interface Registration {
  /** Says which instance it is, among all that are registered under the service by whomever. */
  readonly id: string;
  readonly service: string;
  /** An IP literal, or a name that clients resolve. */
  readonly address: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Port that clients dial the service by, where the registry has such a notion; undefined: the same. */
  readonly servicePort?: number;
  /** Further ports by name. */
  readonly ports: Readonly<Record<string, number>>;
  /** As the registries' clients know it: `http`, `grpc`, `tcp`, … */
  readonly protocol: string | undefined;
  /** At least 1. */
  readonly weight: number;
  readonly zone: string | undefined;
  readonly region: string | undefined;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly traffic: Traffic;
  /** The places it has been in, the first being where it is native. */
  readonly origin: readonly string[];
  /** Ms since the epoch; the same for as long as the instance lives. */
  readonly startedAt: number;
}
