/** What a Lease says, and what a candidate writes into it, if anything. Pure. */

export interface LeaseView {
  readonly version: string;
  readonly holder: string;
  /** How often the holder has changed. */
  readonly transitions: number;
  readonly durationMs: number;
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface Candidate {
  readonly identity: string;
  /** How long the Lease has been as it is, by the own clock: clocks of others are not believed. */
  readonly unchangedMs: number;
  readonly durationMs: number;
  /** Ms since the epoch, for people. */
  readonly wall: number;
}

/** Undefined when it is no Lease. */
export function leaseView(raw: unknown): LeaseView | undefined {
  const object = mapping(raw);
  const version = mapping(object["metadata"])["resourceVersion"];
  if (typeof version !== "string") return undefined;
  const spec = mapping(object["spec"]);
  const { holderIdentity, leaseTransitions, leaseDurationSeconds } = spec;
  return {
    version,
    holder: typeof holderIdentity === "string" ? holderIdentity : "",
    transitions: typeof leaseTransitions === "number" ? leaseTransitions : 0,
    durationMs: typeof leaseDurationSeconds === "number" ? leaseDurationSeconds * 1000 : 0,
    spec,
  };
}

/** The spec to write against the version seen; undefined: another one holds it. */
export function leaseStep(view: LeaseView | undefined, candidate: Candidate): Readonly<Record<string, unknown>> | undefined {
  const { identity, unchangedMs, durationMs, wall } = candidate;
  const time = `${new Date(wall).toISOString().slice(0, -1)}000Z`;
  const held = { holderIdentity: identity, leaseDurationSeconds: durationMs / 1000, renewTime: time };
  if (view === undefined) return { ...held, acquireTime: time, leaseTransitions: 0 };
  if (view.holder === identity) return { ...view.spec, ...held };
  if (view.holder !== "" && unchangedMs < view.durationMs) return undefined;
  return { ...view.spec, ...held, acquireTime: time, leaseTransitions: view.transitions + 1 };
}

function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}
