/** What a format of records in ZooKeeper is: which nodes it needs, and how they read. Pure: no format does I/O. */
import type { Protocol } from "../../../src/model/service.ts";
import type { Rejection } from "../../../src/registry/adapter.ts";
import type { Stat } from "../connection.ts";

/** What of a node is read. Undefined of a node: nothing, and nothing below it. */
export interface Wanted {
  readonly children?: boolean;
  readonly data?: boolean;
}

/** The nodes of all roots as they were read, all paths absolute (without the chroot). Names are as ZooKeeper has them: not decoded. */
export interface ZnodeView {
  /** Names of the children, in no order; empty when there are none or they are not read. */
  children(path: string): readonly string[];
  /** Undefined: no such node, or its data is not read. */
  data(path: string): Uint8Array | undefined;
  stat(path: string): Stat | undefined;
}

/** One port of a service and the number an instance listens on. */
export interface ReadPort {
  readonly name: string;
  readonly protocol: Protocol;
}

/** An instance as its record says; host names are not resolved here, and nothing is sanitised. */
export interface ReadInstance {
  readonly id: string;
  /** An IP literal, or a host name for the adapter to resolve. */
  readonly host: string;
  /** Port number by port name. */
  readonly ports: Readonly<Record<string, number>>;
  /** "draining" for what says of itself that it takes no new work. */
  readonly health: "healthy" | "unhealthy" | "draining";
  readonly weight: number;
  /** Until this wall-clock time (ms) the weight grows linearly from 1 (Dubbo warm-up): `{startedAt, warmupMs}`. */
  readonly warmup?: { readonly startedAt: number; readonly warmupMs: number };
  readonly zone?: string;
  readonly region?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** One service as one scope says. `name` is the service's own, before the registry's name template. */
export interface ReadService {
  /** Unique in the registry and stable; becomes the scope of the source. */
  readonly scope: string;
  readonly name: string;
  readonly ports: readonly ReadPort[];
  readonly labels: Readonly<Record<string, string>>;
  readonly instances: readonly ReadInstance[];
  readonly rejected: readonly Rejection[];
}

/**
 * A format over one root. The unit is what is translated at once when anything in it changed, such as a Dubbo interface or
 * an application; one unit gives any number of services, one service comes from one unit.
 */
export interface Format {
  /** What is read of the node at `root/<segments>`; no segments: the root itself. */
  wants(segments: readonly string[]): Wanted | undefined;
  /** Units that the node's change concerns; none: it concerns nobody. */
  unitsOf(segments: readonly string[], view: ZnodeView): readonly string[];
  /** Every unit there is. */
  units(view: ZnodeView): readonly string[];
  /** What one unit says now. Never throws: a record that cannot be read is rejected, its neighbours stay. */
  read(unit: string, view: ZnodeView): readonly ReadService[];
}
