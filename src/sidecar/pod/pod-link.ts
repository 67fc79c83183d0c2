/**
 * The sidecar's own Pod in the API: whether it is ready or being deleted, and the readiness gate that a rollout waits for. While
 * the API cannot be reached, what was known of the Pod stands: an API server that is down takes no instance out.
 */
import { createBackoff } from "../../kernel/backoff.ts";
import { createBell } from "../../kernel/bell.ts";
import type { Clock } from "../../kernel/clock.ts";
import { createLatest } from "../../kernel/latest.ts";
import type { Log } from "../../kernel/log.ts";
import type { KubeClient } from "../../kubernetes/api.ts";
import { reflect } from "../../kubernetes/reflector.ts";
import type { Readiness } from "../readiness/watch.ts";
import { conditionPatch, type PodView, podView } from "./pod-object.ts";

export interface PodLinkOptions {
  readonly api: KubeClient;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** The Pod is being deleted; called once. */
  onLeaving(): void;
}

export interface PodLink {
  /** By the Pod's own status; one iteration. */
  readonly readiness: AsyncIterable<Readiness>;
  /** What the readiness gate is to say. Does nothing for a Pod without the gate. */
  setRegistered(registered: boolean): void;
  /** Ends with the signal. Never rejects. */
  readonly ended: Promise<void>;
}

const PATCH_MS = 5000;
const STRATEGIC_MERGE = "application/strategic-merge-patch+json";
/** Without a reason to look again. */
const IDLE_MS = 60_000;

export function startPodLink({ api, pod, clock, random, log, signal, onLeaving }: PodLinkOptions): PodLink {
  const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods`;
  const readiness = createLatest<Readiness>();
  const bell = createBell(clock);
  let view: PodView | undefined;
  let wanted: boolean | undefined;
  let leaving = false;

  const take = (next: PodView) => {
    // A later Pod of the same name is somebody else.
    if (next.uid !== pod.uid) return;
    const before = view?.readiness;
    view = next;
    if (before?.ready !== next.readiness.ready || before.reason !== next.readiness.reason) readiness.push(next.readiness);
    if (next.leaving) leave();
    bell.ring();
  };
  const leave = () => {
    if (leaving) return;
    leaving = true;
    onLeaving();
  };
  const follow = async () => {
    const query = { fieldSelector: `metadata.name=${pod.name}` };
    for await (const delta of reflect({ api, path, query, keep: podView, clock, random, signal })) {
      if (delta.type === "failed") log.warn({ err: delta.error }, "the Pod cannot be read; what is known of it stands");
      else if (delta.type !== "current")
        for (const next of delta.changes.values()) {
          if (next !== undefined) take(next);
          // Deleted at once, without grace; a list that is in doubt proves nothing.
          else if (delta.type === "changed" || delta.evidence.kind === "authoritative") leave();
        }
    }
  };
  const patch = async () => {
    const backoff = createBackoff({ baseMs: 200, maxMs: 5000, random });
    while (!signal.aborted) {
      let dueMs = IDLE_MS;
      if (view?.gated && wanted !== undefined && view.registered !== (wanted ? "True" : "False")) {
        const body = conditionPatch(pod.uid, wanted, new Date(clock.now()).toISOString());
        const request = { method: "PATCH", path: `${path}/${encodeURIComponent(pod.name)}/status`, query: {}, body } as const;
        const answer = await api.send({ ...request, contentType: STRATEGIC_MERGE }, { timeoutMs: PATCH_MS, signal });
        if ("error" in answer) {
          dueMs = backoff.next();
          log.warn({ err: answer.error, retryInMs: dueMs }, "the readiness gate cannot be set");
        } else {
          backoff.reset();
          log.info({ registered: wanted }, "readiness gate set");
          const after = podView(answer.body);
          if (after !== undefined) take(after);
        }
      }
      await bell.wait(dueMs, signal);
    }
  };
  /** The only thing thrown by either is the abort. */
  const ending = (work: Promise<void>) =>
    work.catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  signal.addEventListener("abort", () => readiness.close(), { once: true });

  return {
    readiness,
    setRegistered(registered) {
      if (wanted === registered) return;
      wanted = registered;
      bell.ring();
    },
    ended: Promise.all([ending(follow()), ending(patch())]).then(() => undefined),
  };
}
