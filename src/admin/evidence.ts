/** What an instance's place in the catalog rests on: how its registry is, since when, and from where it is known. Pure. */
import { type Source, sourceName } from "../model/source.ts";
import type { HeldInstance } from "../registry/holds.ts";
import type { StalenessStage } from "../registry/staleness.ts";
import type { PartStatus, RegistryState, RegistryStatus } from "../registry/status.ts";

export interface InstanceEvidence {
  /** Of the registry, or of the datacentre or cluster of it that the instance was seen in. */
  readonly state: RegistryState;
  /** Since what is shown was last confirmed; null: never. */
  readonly ageSeconds: number | null;
  /** What that age does to the instance. */
  readonly staleness: StalenessStage;
  /** True: nobody has confirmed it since the bridge started; it is the last known state that was saved. */
  readonly fromDisk: boolean;
}

/** Null for a registry that is not configured any more. */
export function evidenceOf({ registry, scope }: Source, registries: readonly RegistryStatus[]): InstanceEvidence | null {
  const whole = registries.find(({ name }) => name === registry);
  if (whole === undefined) return null;
  const part = whole.parts.find(({ name }) => scope.startsWith(`${name}/`));
  const { state, ageMs, staleness } = part ?? whole;
  const ageSeconds = ageMs === undefined ? null : ageMs / 1000;
  return { state, ageSeconds, staleness, fromDisk: isFromDisk(whole, part) };
}

/** A part has been read when it says so of itself; the whole only when all of it has. */
function isFromDisk({ lastSyncAt }: RegistryStatus, part: PartStatus | undefined): boolean {
  return lastSyncAt === undefined && part?.state !== "live" && part?.state !== "suspect";
}

/** In words, for what is not as it should be. */
export function evidenceNotes(evidence: InstanceEvidence | null): readonly string[] {
  if (evidence === null || evidence.state === "live") return [];
  const { state, ageSeconds, fromDisk } = evidence;
  const age = ageSeconds === null ? "" : `, last confirmed ${Math.round(ageSeconds)} s ago`;
  return [`its registry is ${state}${age}${fromDisk ? ", known from the saved state" : ""}`];
}

/** Seconds until the hold of an instance ends if nothing happens, by source and id; null: while its evidence is in doubt. */
export function holdEnds(held: readonly HeldInstance[]): (source: Source, id: string) => number | null {
  const ends = new Map(held.map(({ source, instance, endsInMs }) => [keyOf(source, instance), endsInMs]));
  return (source, id) => {
    const endsInMs = ends.get(keyOf(source, id));
    return endsInMs === undefined ? null : endsInMs / 1000;
  };
}

function keyOf(source: Source, id: string): string {
  return `${sourceName(source)}\0${id}`;
}
