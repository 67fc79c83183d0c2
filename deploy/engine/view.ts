/** From what was read of each cluster to the observation of all. Each by itself; any failure, and it is unreachable. */
import type { Clock } from "../../src/kernel/clock.ts";
import { withTimeout } from "../../src/kernel/promises.ts";
import { fail } from "../../src/model/errors.ts";
import type { CustomKind } from "../api/schema/interpret.ts";
import type { Interpreter } from "../interpret/builtin.ts";
import { interpreterOf } from "../interpret/interpret.ts";
import { scalePath } from "../interpret/scale.ts";
import { type JsonObject, numberAt, textAt } from "../json/value.ts";
import type { ClusterClient, Discovery, KubeRefusal } from "../kube/types.ts";
import { keyText, type ObjectKey } from "../plan/object-key.ts";
import { OWNED_KINDS } from "../plan/owned-kinds.ts";
import { REVISION_ANNOTATION, usersOf } from "../plan/ownership.ts";
import type { ObservedCluster } from "../plan/types.ts";
import type { ClusterFacts } from "../rollout/types.ts";
import { measureRoom } from "./room.ts";
import type { Observation, ObserveRequest } from "./types.ts";

/** What was read of one cluster. */
export interface Read {
  /** By `keyText`: the workload's own, and what stands where something of it is wanted. */
  readonly objects: ReadonlyMap<string, JsonObject>;
  readonly missingKinds: ReadonlySet<string>;
  /** Objects of all workloads. */
  readonly owned: number;
  /** ms since the epoch: it was so then, at least. */
  readonly observedAt: number;
}

export type ReadCluster = (client: ClusterClient, signal: AbortSignal) => Promise<Read | Pick<KubeRefusal, "error">>;

export interface ObserveContext {
  readonly request: ObserveRequest;
  readonly read: ReadCluster;
  readonly clock: Clock;
  /** A cluster that has not told everything within this is taken as unreachable. */
  readonly withinMs: number;
}

export async function observeEach(
  clients: readonly ClusterClient[],
  context: ObserveContext,
  signal: AbortSignal,
): Promise<Observation> {
  const observedAt = context.clock.now();
  const views = await Promise.all(clients.map((client) => observeOne(client, context, signal)));
  const named = <T>(pick: (view: View) => T | undefined): ReadonlyMap<string, T> =>
    new Map(
      views.flatMap((view) => {
        const value = pick(view);
        return value === undefined ? [] : [[view.cluster, value] as const];
      }),
    );
  return {
    clusters: named(({ observed }) => observed),
    facts: named(({ facts }) => facts),
    replicas: named(({ replicas }) => replicas),
    capacity: named(({ room }) => room),
    ownedObjects: views.reduce((sum, { owned }) => sum + owned, 0),
    problems: views.flatMap(({ cluster, problem }) => (problem === undefined ? [] : [{ cluster, error: problem.error }])),
    observedAt,
  };
}

interface View {
  readonly cluster: string;
  readonly observed: ObservedCluster;
  readonly facts: ClusterFacts;
  readonly replicas?: number | undefined;
  readonly room?: number | undefined;
  readonly owned: number;
  readonly problem?: Pick<KubeRefusal, "error">;
}

/** Half an answer would look like missing objects, so any failure makes the whole cluster unreachable. */
async function observeOne(client: ClusterClient, context: ObserveContext, signal: AbortSignal): Promise<View> {
  const { read, clock, withinMs } = context;
  const unreachable = (problem: Pick<KubeRefusal, "error">): View => ({
    cluster: client.name,
    observed: { reachable: false, synced: false, objects: new Map(), missingKinds: new Set() },
    facts: { reachable: { observedAt: clock.now(), value: false } },
    owned: 0,
    problem,
  });
  const limited = withTimeout(signal, withinMs);
  try {
    const seen = await read(client, limited);
    return "error" in seen ? unreachable(seen) : await seenView(client, seen, context, limited);
  } catch (cause) {
    signal.throwIfAborted();
    if (!limited.aborted) throw cause;
    const reason = `it has not told everything within ${withinMs / 1000} s`;
    return unreachable({
      error: fail("MB_CLUSTER_UNREACHABLE", { cluster: client.name, address: client.address, reason }, { cause }),
    });
  }
}

async function seenView(
  client: ClusterClient,
  seen: Read,
  { request, clock }: ObserveContext,
  signal: AbortSignal,
): Promise<View> {
  const { objects, missingKinds, owned, observedAt } = seen;
  const main = request.main === undefined ? undefined : objects.get(keyText(request.main));
  const ours = main !== undefined && usersOf(main).includes(request.workload);
  const { kinds = NO_KINDS } = request;
  const scale = ours ? scalePath(main, kinds) : undefined;
  const replicas = scale === undefined ? undefined : numberAt(main, ...scale);
  const state = ours ? stateOf(main, kinds) : request.main === undefined ? stateOfAll(objects, request) : undefined;
  return {
    cluster: client.name,
    observed: { reachable: true, synced: true, objects, missingKinds },
    facts: { reachable: { observedAt, value: true }, ...(state !== undefined && { workload: { observedAt, ...state } }) },
    replicas,
    room: await measureRoom(client, { demand: request.demand, main, replicas: replicas ?? 0, now: clock.now() }, signal),
    owned,
  };
}

export const NO_KINDS: readonly CustomKind[] = [];
/** Compiled once for each workload's list. */
const interpreters = new WeakMap<readonly CustomKind[], Interpreter>();

/** What the object says of itself. */
export function stateOf(main: JsonObject, kinds: readonly CustomKind[]) {
  const interpret = interpreters.get(kinds) ?? interpreterOf(kinds);
  interpreters.set(kinds, interpret);
  const { health, current, desired, message } = interpret(main);
  const revision = textAt(main, "metadata", "annotations", REVISION_ANNOTATION) ?? "";
  return { revision, health, current, desired, message };
}

/** Of a template without Pods: well when all of it is there, at the revision that all of it has. Undefined: none of it is there. */
function stateOfAll(objects: ReadonlyMap<string, JsonObject>, { keys, workload }: ObserveRequest) {
  const found = keys.map((key) => objects.get(keyText(key))).filter((object) => object !== undefined);
  const own = found.filter((object) => usersOf(object).includes(workload));
  const revisions = new Set(own.map((object) => textAt(object, "metadata", "annotations", REVISION_ANNOTATION) ?? ""));
  if (own.length === 0) return undefined;
  const [revision = ""] = revisions.size === 1 ? revisions : [];
  return { revision, health: "Healthy", current: true, desired: undefined, message: "it is there" } as const;
}

/**
 * The kinds, as `group/Kind`, of what is wanted, of that the ones that are not served, and all that are looked through; `rare`
 * tells which of the kinds that an inventory names are to be looked through besides.
 */
export function kindsOf({ keys }: ObserveRequest, discovery: Discovery) {
  const isServed = (kind: string) => discovery.find(kindOf(kind)) !== undefined;
  const wanted = new Set(keys.map(kindText));
  const missing = new Set([...wanted].filter((kind) => !isServed(kind)));
  const served = [...new Set([...wanted, ...OWNED_KINDS])].filter(isServed);
  const rare = (named: readonly string[]) => named.filter((kind) => !served.includes(kind) && isServed(kind));
  return { wanted, missing, served, rare };
}

export function kindOf(text: string): Pick<ObjectKey, "group" | "kind"> {
  const slash = text.indexOf("/");
  return { group: text.slice(0, slash), kind: text.slice(slash + 1) };
}

function kindText({ group, kind }: ObjectKey): string {
  return `${group}/${kind}`;
}

interface LookUp {
  readonly request: ObserveRequest;
  /** What is found is added. */
  readonly objects: Map<string, JsonObject>;
  readonly missing: ReadonlySet<string>;
}

/** Asks for what is wanted and is not among our own: it is not there, or somebody else's. Returns what went wrong. */
export async function lookUp(
  client: ClusterClient,
  { request, objects, missing }: LookUp,
  signal: AbortSignal,
): Promise<KubeRefusal | undefined> {
  const unknown = request.keys.filter((key) => !objects.has(keyText(key)) && !missing.has(kindText(key)));
  const answers = await Promise.all(unknown.map(async (key) => ({ key, answer: await client.get(key, signal) })));
  for (const { key, answer } of answers) {
    if ("value" in answer) objects.set(keyText(key), answer.value);
    else if (answer.status !== 404) return answer;
  }
  return undefined;
}
