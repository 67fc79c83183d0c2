/** Composition root of `sidecar`: the Pod's identity, its readiness, a target for each registry, and an end that takes it out first. */

import { dirname, resolve } from "node:path";
import { listenAdmin } from "../admin/listen.ts";
import { type Clock, systemClock } from "../kernel/clock.ts";
import { parseDuration } from "../kernel/duration.ts";
import { readText } from "../kernel/read-text.ts";
import { connectCluster } from "../kubernetes/connect.ts";
import { registryFaults } from "../kubernetes/faults.ts";
import { fail } from "../model/errors.ts";
import type { Adapter } from "../registry/adapter.ts";
import { createSidecarApp } from "../sidecar/http.ts";
import type { Owner } from "../sidecar/plan/record.ts";
import { readIdentity } from "../sidecar/pod/identity.ts";
import { type PodLink, type PodLinkOptions, startPodLink } from "../sidecar/pod/pod-link.ts";
import { registrationOf } from "../sidecar/pod/registrations.ts";
import { type PodSync, startPodSync } from "../sidecar/pod/sync.ts";
import { probeOf } from "../sidecar/readiness/probes.ts";
import { type Readiness, watchReadiness } from "../sidecar/readiness/watch.ts";
import { loadAnyConfig, type SidecarConfig } from "../sidecar/settings/load.ts";
import type { SidecarFile } from "../sidecar/settings/schema.ts";
import { startTarget, type Target } from "../sidecar/target.ts";
import type { WriterKind } from "../sidecar/writer.ts";
import { createLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { runClusterScope } from "./sidecar-cluster.ts";
import { listenOf } from "./sidecar-listen.ts";
import { observeTargets } from "./sidecar-observer.ts";

export interface SidecarOptions {
  readonly path: string;
  readonly writers: readonly WriterKind[];
  /** Kinds of registry that the cluster scope can read. */
  readonly adapters: readonly Adapter[];
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends it: drained first. */
  readonly signal: AbortSignal;
}

/** A Pod has one sidecar, and its UID is never used again: each of its processes is the same life. */
const POD_EPOCH = 1;

/** Runs until the signal aborts; resolves with 0 when everything was taken out, 1 when some registry could not be told. */
export async function runSidecar(options: SidecarOptions): Promise<number> {
  const { path, writers, adapters } = options;
  const loaded = await loadAnyConfig(path, writers, adapters);
  return loaded.scope === "cluster" ? runClusterScope({ ...options, ...loaded }) : runPodScope({ ...options, ...loaded });
}

async function runPodScope({ file, baseDir, writers, version, env, signal }: SidecarOptions & SidecarConfig): Promise<number> {
  const clock = systemClock;
  const { log } = createLog({ level: env["MESHBRIDGE_LOG_LEVEL"] ?? "info", format: process.stderr.isTTY ? "pretty" : "json" });
  const pod = await readIdentity(file.pod ?? {}, env, env["MESHBRIDGE_PODINFO"]);
  const owner: Owner = { cluster: file.cluster, instance: `${pod.namespace}/${pod.name}/${pod.uid}`, epoch: POD_EPOCH };
  const circumstances = { cluster: file.cluster, pod, env, startedAt: clock.now() };
  // What cannot be registered is told at the start, not when the workload becomes ready.
  for (const service of file.services) registrationOf(service, "in", circumstances);

  const end = new AbortController();
  const context = { owner, baseDir, log, clock, random: Math.random };
  const targets = new Map<string, Target>();
  let sync: PodSync | undefined;
  for (const { name, kind, ...settings } of file.targets) {
    const writer = writers.find((one) => one.kind === kind)?.open(settings, { ...context, name });
    if (writer === undefined) throw fail("MB_INTERNAL", { reason: `there is no writer of kind ${kind}` });
    const onChange = () => sync?.targetChanged();
    targets.set(name, startTarget({ name, writer, ...context, signal: end.signal, onChange }));
  }
  const link = await linkOf(file, {
    ...{ pod, baseDir, clock, log, random: Math.random, signal: end.signal },
    onLeaving: () => void sync?.drain(),
  });
  sync = startPodSync({
    services: file.services,
    targets,
    register: (service, traffic) => registrationOf(service, traffic, circumstances),
    drainMs: parseDuration(file.drain ?? "5s") ?? 5000,
    readiness: readinessOf(file, { host: pod.ip, link, clock, signal: end.signal }),
    onRegistered: (registered) => link?.setRegistered(registered),
    ...{ clock, log, signal: end.signal },
  });

  const metrics = createMetrics();
  const running = sync;
  observeTargets({ metrics, version, targets: () => targets, ready: () => running.readiness.ready });
  const app = createSidecarApp({
    version,
    cluster: file.cluster,
    owner: owner.instance,
    offer: () => running.offer,
    readiness: () => running.readiness,
    leaving: () => running.leaving,
    registered: () => running.registered,
    targets: () => [...targets.values()].map(({ state }) => state),
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
    drain: () => running.drain(),
  });
  try {
    const address = await listenAdmin(app, listenOf(file.listen));
    log.info({ version, address, pod: owner.instance, targets: [...targets.keys()] }, "sidecar is up");
    await aborted(signal);
    const { complete } = await running.drain();
    return complete ? 0 : 1;
  } finally {
    end.abort(new Error("the sidecar ends"));
    await app.close();
    await Promise.all([running.ended, link?.ended, ...[...targets.values()].map(({ ended }) => ended)]);
  }
}

interface ReadinessSources {
  /** Where the workload listens. */
  readonly host: string;
  readonly link: PodLink | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** By probes where there are any, else by the Pod's own status; the configuration has one of them. */
function readinessOf({ readiness = {} }: SidecarFile, { host, link, clock, signal }: ReadinessSources): AsyncIterable<Readiness> {
  const { probes, interval = "1s", timeout = "1s", successThreshold = 1, failureThreshold = 3 } = readiness;
  if (probes === undefined && link !== undefined) return link.readiness;
  return watchReadiness({
    looks: (probes ?? []).map((probe) => probeOf(probe, host)),
    thresholds: { success: successThreshold, failure: failureThreshold },
    intervalMs: parseDuration(interval) ?? 1000,
    timeoutMs: parseDuration(timeout) ?? 1000,
    clock,
    signal,
  });
}

interface LinkOptions extends Omit<PodLinkOptions, "api"> {
  readonly baseDir: string;
}

/** Undefined: the Pod is not followed in the API. Throws MB_KUBECONFIG_INVALID. */
async function linkOf({ kubernetes }: SidecarFile, { baseDir, ...options }: LinkOptions): Promise<PodLink | undefined> {
  if (kubernetes === undefined) return undefined;
  const path = kubernetes.kubeconfig === undefined ? undefined : resolve(baseDir, kubernetes.kubeconfig);
  const origin = path ?? "the service account";
  const text = path === undefined ? { text: "in-cluster" } : await readText(path);
  if ("reason" in text) throw fail("MB_KUBECONFIG_INVALID", { origin, field: "the file", reason: text.reason });
  const api = await connectCluster(text.text, {
    ...{ origin, context: undefined, allow: [], local: true, dir: path === undefined ? baseDir : dirname(path) },
    faults: (address) => registryFaults("of the Pod", address),
  });
  const link = startPodLink({ api, ...options });
  options.signal.addEventListener("abort", () => api.close(), { once: true });
  return link;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
