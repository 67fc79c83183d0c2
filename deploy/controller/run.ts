/** The controller of a hub: stands by until it leads, and drives every FederatedWorkload while it does. */
import { createBell } from "../../src/kernel/bell.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { Log } from "../../src/kernel/log.ts";
import type { Risk } from "../../src/kubernetes/kubeconfig.ts";
import { clusterScopedKinds } from "../engine/engine.ts";
import type { Rails } from "../engine/pass.ts";
import type { BridgeHttp } from "../gates/bridge-http.ts";
import type { ClusterClient } from "../kube/types.ts";
import { type Leadership, runElected } from "../lease/elect.ts";
import { fencedClient } from "../lease/fence.ts";
import { serveProbes } from "./http.ts";
import { followHub } from "./hub-cache.ts";
import { createMembers, fleetEngine } from "./members.ts";
import { type ControllerState, createControllerMetrics } from "./metrics.ts";
import { createQueue } from "./queue.ts";
import { createReconciler, logTurn } from "./reconcile.ts";

export interface ControllerOptions {
  readonly hub: ClusterClient;
  /** Of the Lease, and of Secrets that say no namespace. */
  readonly namespace: string;
  readonly lease: string;
  /** Unique to this process. */
  readonly identity: string;
  readonly leaseMs: number;
  readonly bridges: readonly BridgeHttp[];
  readonly listen: { readonly host: string; readonly port: number };
  readonly allow: readonly Risk[];
  readonly limits: Pick<Rails, "maxDeletes" | "maxDeletePercent">;
  /** A member that has not told everything within this is unreachable for that turn, ms. */
  readonly withinMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Ends it: turns come to their end, and the Lease is given up. */
  readonly signal: AbortSignal;
  listening?(port: number): void;
}

const TURNS_AT_ONCE = 8;
/** Secrets are read again after so long, so that a rotated kubeconfig is noticed. */
const MEMBERS_MS = 30_000;
/** What has no namespace in the members is asked for again after so long. */
const SCOPE_MS = 60_000;
/** A turn that was begun gets so long to end. */
const END_MS = 5000;

const NOTHING: ControllerState = { leading: false, epoch: 0, queue: 0, workloads: 0, connected: 0, unconnected: 0, tracked: 0 };

/** Resolves when the signal has aborted and everything has ended. */
export async function runController(options: ControllerOptions): Promise<void> {
  let state: () => ControllerState = () => NOTHING;
  let notReady: string | undefined = "the lease has not been read yet";
  const metrics = createControllerMetrics(() => state());
  const probes = await serveProbes({ ...options.listen, metrics, notReady: () => notReady });
  options.listening?.(probes.port);
  try {
    await runElected({
      ...{ client: options.hub, namespace: options.namespace, name: options.lease, identity: options.identity },
      ...{ durationMs: options.leaseMs, clock: options.clock, random: options.random, log: options.log, signal: options.signal },
      onState(is) {
        notReady = is === "leading" ? "it leads, and its caches are being filled" : undefined;
      },
      lead: (leadership) =>
        leadHub(leadership, {
          ...options,
          metrics,
          ready: (now) => {
            state = now;
            notReady = undefined;
          },
        }),
    });
  } finally {
    await probes.close();
  }
}

interface LeadOptions extends ControllerOptions {
  readonly metrics: ReturnType<typeof createControllerMetrics>;
  ready(state: () => ControllerState): void;
}

async function leadHub(leadership: Leadership, options: LeadOptions): Promise<void> {
  const { clock, random, log, namespace, allow, withinMs, bridges, limits, metrics } = options;
  const { signal, epoch } = leadership;
  const hub = fencedClient(options.hub, leadership);
  const changed = createBell(clock);
  const wrap = (client: ClusterClient) => fencedClient(client, leadership);
  const wake = (workloads: ReadonlySet<string>) => {
    for (const key of workloads) queue.add(key);
  };
  const members = createMembers({ hub, namespace, allow, clock, random, log, withinMs, signal, wrap, changed: wake });
  const clusterScoped = kept(clock, SCOPE_MS, (limit) =>
    clusterScopedKinds(new Map(members.list().map(({ cluster, client }) => [cluster.metadata.name, client])), limit),
  );
  const turn = createReconciler({
    ...{ hub, engine: fleetEngine(members, clock), members, bridges, epoch, clock, log, limits, clusterScoped },
  });
  const queue = createQueue({
    clock,
    atOnce: TURNS_AT_ONCE,
    signal,
    async turn(key) {
      const startedAt = clock.monotonic();
      const count = (result: "done" | "left" | "failed") => metrics.turn(result, (clock.monotonic() - startedAt) / 1000);
      try {
        const again = await turn(key, signal);
        count("done");
        if (again !== undefined) queue.addAfter(key, again);
      } catch (error) {
        if (signal.aborted) return;
        count(isLeft(error) ? "left" : "failed");
        queue.addAfter(key, logTurn(log, key, error));
      }
    },
  });
  // No turn before the hub is known whole, and no turn without those members that it names: half would look like gone.
  let open = false;
  const cache = followHub({
    ...{ client: hub, log, signal },
    workloadChanged: (key) => (open ? queue.add(key) : undefined),
    clustersChanged: () => changed.ring(),
  });
  try {
    while (!signal.aborted) {
      if (cache.synced) {
        await members.update(cache.clusters(), signal);
        for (const key of cache.workloads()) queue.add(key);
        if (!open) log.info({ workloads: cache.workloads().length, clusters: members.list().length }, "caches are filled");
        open = true;
        options.ready(() => ({
          ...{ leading: !signal.aborted, epoch, queue: queue.depth, workloads: cache.workloads().length },
          ...{ connected: members.list().length, unconnected: members.failures().size },
          tracked: members.list().reduce((sum, { engine }) => sum + engine.tracked(), 0),
        }));
      }
      await changed.wait(open ? MEMBERS_MS : 100, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.race([queue.idle(), clock.sleep(END_MS)]);
    members.close();
  }
}

function isLeft(error: unknown): boolean {
  return error instanceof MeshbridgeError && ["MB_DEPLOY_TAKEN_OVER", "MB_DEPLOY_NOT_LEADING"].includes(error.code);
}

/** The answer, asked for anew when it is older than `forMs`. */
function kept<T>(clock: Clock, forMs: number, ask: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let known: { readonly value: T; readonly at: number } | undefined;
  return async (signal) => {
    if (known === undefined || clock.monotonic() - known.at > forMs) known = { value: await ask(signal), at: clock.monotonic() };
    return known.value;
  };
}
