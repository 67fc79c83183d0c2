/** The members as the hub declares them: a connection and caches for each, made anew when its way in changes. */
import { createHash } from "node:crypto";
import type { Clock } from "../../src/kernel/clock.ts";
import { type MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import type { Log } from "../../src/kernel/log.ts";
import type { Risk } from "../../src/kubernetes/kubeconfig.ts";
import { fail } from "../../src/model/errors.ts";
import type { Cluster } from "../api/schema/cluster.ts";
import { validateCluster } from "../api/validate.ts";
import { applyActions } from "../engine/apply.ts";
import { createLiveEngine, type LiveEngine } from "../engine/live.ts";
import type { Engine, Observation } from "../engine/types.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import { connectMemberText } from "../kube/connect.ts";
import type { ClusterClient } from "../kube/types.ts";
import { declaredPart } from "./kinds.ts";

export interface Member {
  readonly cluster: Cluster;
  readonly client: ClusterClient;
  readonly engine: LiveEngine;
}

export interface MembersOptions {
  readonly hub: ClusterClient;
  /** Where Secrets are that say no namespace. */
  readonly namespace: string;
  readonly allow: readonly Risk[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly withinMs: number;
  readonly signal: AbortSignal;
  /** Fences its writes. */
  wrap(client: ClusterClient): ClusterClient;
  changed(workloads: ReadonlySet<string>): void;
}

interface Entry extends Member {
  readonly fingerprint: string;
  readonly end: AbortController;
}

export interface Members {
  /** Makes the members those of the Clusters. One whose Secret cannot be read keeps the connection that it has. */
  update(clusters: readonly JsonObject[], signal: AbortSignal): Promise<void>;
  list(): readonly Member[];
  /** All that are declared and can be understood, also those without a way in. */
  declared(): readonly Cluster[];
  /** Declared, and there is no way in: why. Those are unreachable. */
  failures(): ReadonlyMap<string, MeshbridgeError>;
  close(): void;
}

export function createMembers(options: MembersOptions): Members {
  const { log } = options;
  const entries = new Map<string, Entry>();
  const declared = new Map<string, Cluster>();
  let failures = new Map<string, MeshbridgeError>();
  const drop = ({ end, client, cluster }: Entry) => {
    end.abort(new Error("the cluster's way in has changed"));
    client.close();
    entries.delete(cluster.metadata.name);
  };
  return {
    async update(clusters, signal) {
      const next = new Map<string, MeshbridgeError>();
      const names = new Set<string>();
      for (const raw of clusters) {
        const name = textAt(raw, "metadata", "name") ?? "";
        names.add(name);
        try {
          const cluster = understood(raw);
          declared.set(name, cluster);
          await updateOne(cluster, { options, entries, drop }, signal);
        } catch (error) {
          signal.throwIfAborted();
          const known = fail("MB_CLUSTER_UNREACHABLE", { cluster: name, address: "the hub's Secret", reason: reasonOf(error) });
          log.warn({ err: known }, "there is no way into a cluster");
          if (!entries.has(name)) next.set(name, known);
        }
      }
      failures = next;
      for (const name of [...declared.keys()]) if (!names.has(name)) declared.delete(name);
      for (const entry of [...entries.values()]) if (!names.has(entry.cluster.metadata.name)) drop(entry);
    },
    list: () => [...entries.values()],
    declared: () => [...declared.values()],
    failures: () => failures,
    close() {
      for (const entry of [...entries.values()]) drop(entry);
    },
  };
}

interface Update {
  readonly options: MembersOptions;
  readonly entries: Map<string, Entry>;
  drop(entry: Entry): void;
}

function understood(raw: JsonObject): Cluster {
  const checked = validateCluster(declaredPart(raw));
  if ("problems" in checked) throw new Error(checked.problems.map(({ message }) => message).join("; "));
  return checked.object;
}

async function updateOne(cluster: Cluster, { options, entries, drop }: Update, signal: AbortSignal): Promise<void> {
  const { clock, random, withinMs, allow, changed } = options;
  const { name } = cluster.metadata;
  const text = await kubeconfigOf(cluster, options, signal);
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([text, cluster.spec.context]))
    .digest("hex");
  const before = entries.get(name);
  if (before?.fingerprint === fingerprint) {
    entries.set(name, { ...before, cluster });
    return;
  }
  const member = { name, text, origin: `the Secret of ${name}`, context: cluster.spec.context, allow, clock, random };
  const client = options.wrap(await connectMemberText(member));
  if (before !== undefined) drop(before);
  const end = new AbortController();
  const life = AbortSignal.any([options.signal, end.signal]);
  const clients = new Map([[name, client]]);
  const tell = (_: string, workloads: ReadonlySet<string>) => changed(workloads);
  const engine = createLiveEngine({ clients, clock, withinMs, signal: life, changed: tell });
  entries.set(name, { cluster, client, engine, fingerprint, end });
}

async function kubeconfigOf(
  { metadata, spec }: Cluster,
  { hub, namespace }: MembersOptions,
  signal: AbortSignal,
): Promise<string> {
  const ref = spec.secretRef;
  if (ref === undefined) throw new Error("its spec has no secretRef");
  const key = { group: "", kind: "Secret", namespace: ref.namespace ?? metadata.namespace ?? namespace, name: ref.name };
  const answer = await hub.get(key, signal);
  if ("error" in answer) throw answer.error;
  const data = textAt(answer.value, "data", ref.key);
  if (data === undefined) throw new Error(`the Secret ${key.namespace}/${key.name} has no ${ref.key}`);
  return Buffer.from(data, "base64").toString("utf8");
}

/** All members as one engine; those without a way in are in it as unreachable. */
export function fleetEngine(members: Members, clock: Clock): Engine {
  return {
    async observe(request, signal) {
      const observedAt = clock.now();
      const parts = await Promise.all(members.list().map(({ engine }) => engine.observe(request, signal)));
      return joined([...parts, lost(members.failures(), observedAt)], observedAt);
    },
    apply(actions, options, signal) {
      const clients = new Map(members.list().map(({ cluster, client }) => [cluster.metadata.name, client]));
      return applyActions(actions, clients, options, signal);
    },
  };
}

function joined(parts: readonly Observation[], observedAt: number): Observation {
  const all = <T>(pick: (part: Observation) => ReadonlyMap<string, T>) => new Map(parts.flatMap((part) => [...pick(part)]));
  return {
    clusters: all(({ clusters }) => clusters),
    facts: all(({ facts }) => facts),
    replicas: all(({ replicas }) => replicas),
    capacity: all(({ capacity }) => capacity),
    ownedObjects: parts.reduce((sum, { ownedObjects }) => sum + ownedObjects, 0),
    problems: parts.flatMap(({ problems }) => problems),
    observedAt,
  };
}

function lost(failures: ReadonlyMap<string, MeshbridgeError>, observedAt: number): Observation {
  const unseen = { reachable: false, synced: false, objects: new Map(), missingKinds: new Set<string>() };
  return {
    clusters: new Map([...failures.keys()].map((name) => [name, unseen])),
    facts: new Map([...failures.keys()].map((name) => [name, { reachable: { observedAt, value: false } }])),
    replicas: new Map(),
    capacity: new Map(),
    ownedObjects: 0,
    problems: [...failures].map(([cluster, error]) => ({ cluster, error })),
    observedAt,
  };
}
