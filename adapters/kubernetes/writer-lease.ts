/**
 * Election by a Lease, as client-go's leaderelection does it (tools/leaderelection): who holds it renews it; who finds it not
 * renewed for its duration, by the own clock, takes it. Every write is against the version that was seen. The epoch is the
 * number of take-overs, which the Lease itself counts.
 */
import { createBackoff } from "../../src/kernel/backoff.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { parseDuration } from "../../src/kernel/duration.ts";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { KubeClient } from "../../src/kubernetes/api.ts";
import type { Election, ElectionEvent } from "../../src/sidecar/cluster/election.ts";
import type { WriterContext } from "../../src/sidecar/writer.ts";
import { connectWriter, type KubernetesWriterSettings } from "./writer-connect.ts";
import { type LeaseView, leaseStep, leaseView } from "./writer-lease-step.ts";

const DEFAULT_DURATION_MS = 15_000;
/** Of the duration: who cannot renew for so long leads no more, so that it knows before another takes over. */
const DEADLINE = 1 / 2;
/** Of the duration, between two looks; and for one request. Together less than what is left after the deadline. */
const RETRY = 2 / 15;
const REQUEST = 1 / 5;

export function openLease(config: KubernetesWriterSettings, context: WriterContext & { readonly identity: string }): Election {
  const { clock, random, identity } = context;
  return {
    async *events(signal) {
      const api = await connectWriter(config, context);
      try {
        const { namespace = "default", lease: name = "meshbridge-sync", leaseDuration = "" } = config;
        const durationMs = parseDuration(leaseDuration) ?? DEFAULT_DURATION_MS;
        yield* campaign({ api, identity, clock, random, namespace, name, durationMs }, signal);
      } finally {
        api.close();
      }
    },
  };
}

interface Campaign {
  readonly api: KubeClient;
  readonly identity: string;
  readonly namespace: string;
  readonly name: string;
  readonly durationMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

async function* campaign(
  { api, identity, namespace, name, durationMs, clock, random }: Campaign,
  signal: AbortSignal,
): AsyncGenerator<ElectionEvent> {
  const leases = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
  const path = `${leases}/${encodeURIComponent(name)}`;
  const [retryMs, requestMs] = [durationMs * RETRY, durationMs * REQUEST];
  const backoff = createBackoff({ baseMs: retryMs / 2, maxMs: retryMs, random });
  let leading: number | undefined;
  let renewedAt = 0;
  /** The version that was seen last, and since when it has not changed. */
  let seen: { readonly version: string; readonly at: number } | undefined;

  const write = async (view: LeaseView | undefined, spec: object, limit: AbortSignal): Promise<LeaseView | undefined> => {
    const metadata = { name, namespace, ...(view !== undefined && { resourceVersion: view.version }) };
    const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
    const request = view === undefined ? ({ method: "POST", path: leases } as const) : ({ method: "PUT", path } as const);
    const answer = await api.send({ ...request, query: {}, body }, { timeoutMs: requestMs, signal: limit });
    if (!("error" in answer)) return leaseView(answer.body);
    if (answer.status === 409) return undefined;
    throw answer.error;
  };
  /** One look, and what follows from it. Returns the epoch while this replica holds the Lease. */
  const step = async (): Promise<number | undefined> => {
    const answer = await api.get(path, {}, { timeoutMs: requestMs, signal });
    if ("error" in answer && answer.status !== 404) throw answer.error;
    const view = "error" in answer ? undefined : leaseView(answer.body);
    const now = clock.monotonic();
    if (view !== undefined && seen?.version !== view.version) seen = { version: view.version, at: now };
    const unchangedMs = view === undefined || seen === undefined ? 0 : now - seen.at;
    const next = leaseStep(view, { identity, unchangedMs, durationMs, wall: clock.now() });
    if (next === undefined) return undefined;
    const written = await write(view, next, signal);
    if (written?.holder !== identity) return undefined;
    renewedAt = now;
    return written.transitions + 1;
  };
  const release = async () => {
    const limit = new AbortController();
    const over = clock.sleep(1000, limit.signal).then(
      () => limit.abort(new Error("it is left to run out")),
      () => undefined,
    );
    const giveUp = async () => {
      const answer = await api.get(path, {}, { timeoutMs: 1000, signal: limit.signal });
      const view = "error" in answer ? undefined : leaseView(answer.body);
      if (view?.holder === identity) await write(view, { ...view.spec, holderIdentity: "" }, limit.signal);
    };
    // Whoever follows waits until it has run out, then.
    await giveUp().catch(() => undefined);
    limit.abort(new Error("done"));
    await over;
  };

  try {
    while (!signal.aborted) {
      let waitMs = retryMs * (0.8 + 0.4 * random());
      try {
        const epoch = await step();
        backoff.reset();
        if (epoch !== leading) {
          leading = epoch;
          yield epoch === undefined ? { type: "following" } : { type: "leading", epoch };
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof MeshbridgeError)) throw error;
        waitMs = backoff.next();
        if (leading === undefined || clock.monotonic() - renewedAt > durationMs * DEADLINE) {
          leading = undefined;
          yield { type: "following", error };
        }
      }
      // Its only rejection is the abort, which the loop sees.
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  } finally {
    if (leading !== undefined) await release();
  }
}
