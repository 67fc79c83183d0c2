/**
 * One pass over one workload: look, decide, write down, act. Killed anywhere, the next pass goes on from what was written:
 * everything that is done is done again without effect, and nothing is done that was not written first.
 */
import { isDeepStrictEqual } from "node:util";
import type { Observation } from "../engine/types.ts";
import { NO_KINDS } from "../engine/view.ts";
import type { DrainState } from "../gates/drains.ts";
import type { Reading } from "../gates/reading.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import { keyText } from "../plan/object-key.ts";
import type { PlannedAction } from "../plan/types.ts";
import { revisionFor } from "../rollout/commands.ts";
import { nextStep } from "../rollout/step.ts";
import { type createAddressMemory, judgedClusters, withLive, withRegistry } from "./facts.ts";
import { beginRemoval, type RemovalFacts, replicasOf, stepRemoval, stillCovers, takesAway } from "./removal.ts";
import type { DriverPorts, DriverState, DriverWorkload, LiveWorkload, PassResult, Removal } from "./types.ts";

/** A drain outlives us for so long: renewed at every pass, it ends by itself when nobody comes back. */
const DRAIN_TTL_SECONDS = 600;
/** While something is under way, facts are fetched anew after this. */
const AGAIN_MS = 500;

export interface PassInput {
  readonly workload: DriverWorkload;
  readonly state: DriverState;
  readonly memory: ReturnType<typeof createAddressMemory>;
}

export async function drivePass(
  { workload, state, memory }: PassInput,
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<PassResult> {
  const observation = await ports.observe(signal);
  const judged = judgedClusters(state.rollout);
  const live = await readLive([...judged.keys(), ...state.removals.map(({ cluster }) => cluster)], ports, signal);
  const readings = workload.service === undefined ? [] : await ports.readings(signal);
  const known = withRegistry({
    workload,
    judged,
    facts: withLive(observation.facts, live, workload),
    live,
    readings,
    gone: memory(live),
  });
  const step = nextStep({ plan: workload.rollout, state: state.rollout, facts: known.facts, now: ports.now() });

  const revisions = new Map([...observation.clusters.keys()].map((name) => [name, revisionFor(step.state, name)]));
  const planned = ports.plan(revisions, observation).filter(({ verb }) => DOES.has(verb));
  const taken = takenAway(planned, workload, observation);
  const begun = await beginRemovals({ workload, taken, removals: state.removals, live }, ports, signal);
  // Who leaves is written down before any client is told, and what is told to go before it goes.
  await keep(state, { rollout: step.state, removals: begun }, ports, signal);
  const { removals, done } = await stepRemovals({ workload, taken, removals: begun, live, readings }, ports, signal);
  const next: DriverState = { rollout: step.state, removals };
  await keep({ rollout: step.state, removals: begun }, next, ports, signal);

  const ready = await markedRemovals(removals, ports, signal);
  const allowed = planned.filter(
    (action) => mayBeDone(action, { taken, ready, workload }) && !isBehind(action, { main: workload.main, live, observation }),
  );
  const outcomes = allowed.length === 0 ? [] : await ports.apply(allowed, signal);
  await Promise.all(
    done.flatMap((removal) =>
      catalogNames(removal).map((cluster) => ports.undrain({ ...ownDrain(workload, removal), cluster }, signal)),
    ),
  );

  const underWay = step.actions.length > 0 || removals.length > 0 || outcomes.some(({ result }) => result !== "unchanged");
  return {
    state: next,
    outcomes,
    waiting: planned.filter((action) => !allowed.includes(action)),
    unknown: known.unknown,
    nextAt: underWay ? ports.now() + AGAIN_MS : step.nextAt,
  };
}

const DOES: ReadonlySet<string> = new Set(["create", "update", "delete", "release"]);

async function keep(before: DriverState, next: DriverState, ports: DriverPorts, signal: AbortSignal): Promise<void> {
  if (!isDeepStrictEqual(next, before)) await ports.save(next, signal);
}

async function readLive(clusters: readonly string[], ports: DriverPorts, signal: AbortSignal) {
  const names = [...new Set(clusters)];
  return new Map(await Promise.all(names.map(async (name) => [name, await ports.live(name, signal)] as const)));
}

/** What keeps Pods of the service from being taken away without notice: by cluster, what the plan would take. */
type Taken = ReadonlyMap<string, Pick<Removal, "kind" | "to">>;

function takenAway(planned: readonly PlannedAction[], workload: DriverWorkload, { clusters }: Observation): Taken {
  const { service, main, kinds = NO_KINDS } = workload;
  if (service === undefined || main === undefined) return new Map();
  const found = planned.flatMap((action) => {
    const live = clusters.get(action.cluster)?.objects.get(keyText(main));
    const taken = takesAway(action, { main, live, kinds });
    return taken === undefined ? [] : [[action.cluster, taken] as const];
  });
  return new Map(found);
}

interface RemovalInput {
  readonly workload: DriverWorkload;
  readonly taken: Taken;
  readonly removals: readonly Removal[];
  readonly live: Map<string, LiveWorkload | undefined>;
}

/** Those under way, and one for each cluster that Pods are taken from; none where the Pods cannot be read. */
async function beginRemovals({ taken, removals, live }: RemovalInput, ports: DriverPorts, signal: AbortSignal) {
  const all = new Map(removals.map((one) => [one.cluster, one]));
  for (const [cluster, wanted] of taken) {
    const known = all.get(cluster);
    const before = live.get(cluster);
    const same = known?.kind === wanted.kind && known.to === wanted.to;
    if (same && (before === undefined || stillCovers(known, before))) continue;
    const seen = live.get(cluster) ?? (await ports.live(cluster, signal));
    live.set(cluster, seen);
    if (seen !== undefined) all.set(cluster, beginRemoval(cluster, wanted, seen));
  }
  return [...all.values()].toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1));
}

async function stepRemovals(
  { workload, taken, removals, live, readings }: RemovalInput & { readonly readings: readonly Reading[] },
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<{ readonly removals: readonly Removal[]; readonly done: readonly Removal[] }> {
  const { drainMs, kinds = NO_KINDS } = workload;
  const going: Removal[] = [];
  const done: Removal[] = [];
  for (const removal of removals) {
    const seen = live.get(removal.cluster);
    if (isObsolete(removal, { taken: taken.get(removal.cluster), live: seen, kinds })) {
      done.push(removal);
      continue;
    }
    const named = withCatalogNames(removal, readings);
    const drain = await drainOf(named, { workload, readings }, ports, signal);
    const registered = stillRegistered(named, readings);
    const next = stepRemoval(named, { drain, live: seen, kinds, registered, now: ports.now(), drainMs });
    if (next === undefined) done.push(named);
    else going.push(next);
  }
  return { removals: going, done };
}

/** Nobody wants it any more, and nothing of it was done: the traffic comes back. */
function isObsolete(
  { phase, kind, to }: Removal,
  { taken, live, kinds }: Pick<RemovalFacts, "live" | "kinds"> & { readonly taken: Pick<Removal, "kind" | "to"> | undefined },
): boolean {
  if (phase === "Checking" || (taken?.kind === kind && taken.to === to)) return false;
  if (phase === "Draining") return true;
  return live !== undefined && replicasOf(live, kinds) > to;
}

async function drainOf(
  removal: Removal,
  { workload, readings }: { readonly workload: DriverWorkload; readonly readings: readonly Reading[] },
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<DrainState> {
  const { kind, to, addresses } = removal;
  if (addresses.length === 0) return { state: "drained" };
  // Without knowing under which name the catalog has them, a drain might miss them all.
  const silent = readings.find((reading) => "unknown" in reading);
  if (removal.phase === "Draining" && silent !== undefined && "unknown" in silent)
    return { state: "unknown", message: silent.unknown };
  const order = {
    ...ownDrain(workload, removal),
    addresses,
    reason: `${kind} to ${to}`,
    ttlSeconds: DRAIN_TTL_SECONDS,
    force: workload.allowLast,
  };
  const states = await Promise.all(catalogNames(removal).map((cluster) => ports.drain({ ...order, cluster }, signal)));
  return states.find(({ state }) => state !== "drained") ?? { state: "drained" };
}

/** An owner for each member: in a registry that many share they have one name, and one's drain would end the other's. */
function ownDrain({ key, service = "" }: DriverWorkload, { cluster }: Pick<Removal, "cluster">) {
  return { service, owner: `deploy:${key}@${cluster}` };
}

function catalogNames({ cluster, catalogClusters }: Removal): readonly string[] {
  return catalogClusters.length === 0 ? [cluster] : catalogClusters;
}

/** A registry that many clusters share knows no clusters: what is at these addresses tells the name that the catalog uses. */
function withCatalogNames(removal: Removal, readings: readonly Reading[]): Removal {
  const at = instancesAt(removal, readings).map(({ cluster }) => cluster);
  const names = at.includes(removal.cluster) ? [removal.cluster] : at;
  const catalogClusters = [...new Set([...removal.catalogClusters, ...names])].toSorted();
  return { ...removal, catalogClusters };
}

function instancesAt({ addresses }: Removal, readings: readonly Reading[]) {
  return readings.flatMap((reading) =>
    "unknown" in reading ? [] : [...reading.instances, ...reading.doubtful].filter(({ address }) => addresses.includes(address)),
  );
}

/** Undefined unless every bridge is known. */
function stillRegistered(removal: Removal, readings: readonly Reading[]): number | undefined {
  if (removal.addresses.length === 0) return 0;
  if (readings.length === 0 || readings.some((reading) => "unknown" in reading)) return undefined;
  return new Set(instancesAt(removal, readings).map(({ address }) => address)).size;
}

/** The clusters whose Pods may go now. Where it could not be said which go first, others might. */
async function markedRemovals(
  removals: readonly Removal[],
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const ready = new Set<string>();
  for (const { cluster, kind, phase, pods } of removals) {
    if (phase !== "Removing") continue;
    if (kind === "remove" || (await ports.markForRemoval(cluster, pods, signal))) ready.add(cluster);
  }
  return ready;
}

interface Allowance {
  readonly workload: DriverWorkload;
  readonly taken: Taken;
  readonly ready: ReadonlySet<string>;
}

/** What takes Pods away waits for its removal; while all of them leave a cluster, nothing that they need goes before. */
function mayBeDone({ cluster, key, verb }: PlannedAction, { workload: { main }, taken, ready }: Allowance): boolean {
  const wanted = taken.get(cluster);
  if (wanted === undefined || ready.has(cluster)) return true;
  if (main !== undefined && keyText(key) === keyText(main)) return false;
  return wanted.kind === "scale" || (verb !== "delete" && verb !== "release");
}

interface Sight {
  readonly main: DriverWorkload["main"];
  readonly live: ReadonlyMap<string, LiveWorkload | undefined>;
  readonly observation: Observation;
}

/**
 * Planned on an older sight of the main object than it was read with just now, so perhaps done already: a cache tells of a
 * write a moment after it. The next turn plans on what is there then, and nothing is written twice.
 */
function isBehind({ cluster, key, verb }: PlannedAction, { main, live, observation }: Sight): boolean {
  if (main === undefined || keyText(key) !== keyText(main) || (verb !== "create" && verb !== "update")) return false;
  const read = live.get(cluster)?.object;
  const planned = observation.clusters.get(cluster)?.objects.get(keyText(main));
  const version = (object: JsonObject | undefined) => textAt(object, "metadata", "resourceVersion");
  return read !== undefined && version(read) !== version(planned);
}
