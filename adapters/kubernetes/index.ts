/** The Kubernetes registry: Services and EndpointSlices of one or many clusters. */
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import { systemLookup } from "../../src/kernel/lookup.ts";
import { quoted } from "../../src/kernel/text.ts";
import { connectCluster } from "../../src/kubernetes/connect.ts";
import { fail } from "../../src/model/errors.ts";
import { AUTHORITATIVE } from "../../src/model/evidence.ts";
import { defineAdapter, type RegistryEvent, type WatchContext } from "../../src/registry/adapter.ts";
import { createSummary } from "../../src/registry/parts.ts";
import { watchCluster } from "./cluster.ts";
import { type ClusterBatch, createClusters, type Following } from "./clusters.ts";
import { watchSecret } from "./follow-secret.ts";
import type { OriginUpdate } from "./origins.ts";
import { rbacManifests } from "./rbac.ts";
import { tokenReviewer } from "./review-token.ts";
import { KubernetesSettings } from "./schema.ts";
import { selectionOf } from "./selection.ts";
import type { ClusterSpec } from "./specs.ts";
import { type ConnectCluster, connectOptions, type Origin, type Surroundings, startOrigins } from "./start-origins.ts";
import { translateContext } from "./translate-context.ts";

export const kubernetes = defineAdapter({
  kind: "kubernetes",
  description: "Services and EndpointSlices of one or many Kubernetes clusters.",
  schema: KubernetesSettings,
  rbac: rbacManifests,
  watch: (config, context) => watchKubernetes(config, context, connectCluster),
  tokenReviewer: (config, request, context) => tokenReviewer(config, request, { context, connect: connectCluster }),
  watchSecret: (config, request, context) => watchSecret(config, request, { context, connect: connectCluster }),
});

/** The part that says whether the origins of clusters can be read: no scope begins with it. */
const ORIGINS = "(clusters)";

/** The whole adapter over a way to connect: tests and simulations bring their own. */
export async function* watchKubernetes(
  config: KubernetesSettings,
  context: WatchContext,
  connect: ConnectCluster,
): AsyncGenerator<RegistryEvent> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const scoped = { ...context, signal };
  const summary = createSummary(context.clock);
  const clusters = createClusters({
    registry: context.name,
    follow: (spec, versions) => follow(spec, versions, { config, context: scoped, connect }),
    clock: context.clock,
    signal,
  });
  const origins = await startOrigins(config, { context: scoped, connect });
  const known = new Map<Origin, OriginUpdate["specs"]>();
  const troubled = new Set<Origin>();
  const pending = new Map(origins.map((origin) => [origin, nextOf(origin)]));
  summary.expect(ORIGINS);

  const told = ({ cluster, events }: ClusterBatch) => summary.take(cluster, events);
  const takeOrigin = async (origin: Origin, update: OriginUpdate): Promise<readonly RegistryEvent[]> => {
    if (update.specs !== undefined) known.set(origin, update.specs);
    if (update.errors.has("")) troubled.add(origin);
    else troubled.delete(origin);
    const before = clusters.names;
    const wanted = merged(known.values());
    const batches = await clusters.configure(wanted.specs);
    for (const name of clusters.names) summary.expect(name);
    const removed = [...before].filter((name) => !clusters.names.has(name));
    // One that cannot be a cluster costs only itself.
    for (const err of wanted.leftOut) context.log.warn({ err }, "a cluster is left out");
    const all = known.size === origins.length && troubled.size === 0;
    return [
      ...batches.flatMap(({ cluster, events }) => (removed.includes(cluster) ? events : told({ cluster, events }))),
      ...removed.flatMap((name) => summary.remove(name)),
      ...[...update.errors].flatMap(([name, error]) => summary.take(name === "" ? ORIGINS : name, [{ type: "degraded", error }])),
      ...(all ? summary.take(ORIGINS, [{ type: "synced", evidence: AUTHORITATIVE }]) : []),
    ];
  };

  // Asked anew only when it was taken: an answer that nobody waits for would be lost.
  let batch = clusters.next();
  try {
    while (!signal.aborted) {
      const step = await Promise.race([batch, ...pending.values()]);
      if (step !== undefined && "origin" in step) {
        pending.set(step.origin, nextOf(step.origin));
        yield* await takeOrigin(step.origin, step.update);
        continue;
      }
      batch = clusters.next();
      // A cluster that drains is no part any more: what it says still passes.
      if (step !== undefined) yield* clusters.names.has(step.cluster) ? told(step) : step.events;
    }
  } finally {
    stop.abort(new Error("stopped"));
    clusters.stop();
    for (const promise of [batch, ...pending.values()]) promise.catch(() => undefined);
  }
}

const ENDED = new Promise<never>(() => undefined);

async function nextOf(origin: Origin): Promise<{ readonly origin: Origin; readonly update: OriginUpdate }> {
  const { value, done } = await origin.next();
  return done ? ENDED : { origin, update: value };
}

async function follow(
  spec: ClusterSpec,
  versions: Map<string, string>,
  { config, context, connect }: Surroundings & { readonly config: KubernetesSettings },
): Promise<Following> {
  const api = await connect(spec.kubeconfig, connectOptions(spec, { config, context }));
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const { clock, random } = context;
  const batches = watchCluster({
    lookup: systemLookup,
    api,
    translate: translateContext(spec, { registry: context.name, config, settings: context.settings }),
    selection: selectionOf(config),
    versions,
    labelSelector: config.labelSelector,
    context: { clock, random, signal },
  });
  return {
    batches,
    stop() {
      stop.abort(new Error("stopped"));
      api.close();
    },
  };
}

/** The first origin that names a cluster has it; scopes need names without a slash. What is left out is told. */
function merged(all: Iterable<OriginUpdate["specs"]>) {
  const specs = new Map<string, ClusterSpec | undefined>();
  const leftOut: MeshbridgeError[] = [];
  for (const [name, spec] of [...all].flatMap((one) => [...(one ?? [])])) {
    const wrong = !/^[A-Za-z0-9]([A-Za-z0-9._:@-]{0,251}[A-Za-z0-9])?$/.test(name)
      ? "is no name for a cluster: letters, digits, dot, dash, underscore, colon and @ are"
      : specs.has(name)
        ? "is the name of another cluster as well"
        : undefined;
    const origin = spec?.origin ?? "the settings";
    if (wrong === undefined) specs.set(name, spec);
    else leftOut.push(fail("MB_KUBECONFIG_INVALID", { origin, field: "name", reason: `${quoted(name)} ${wrong}` }));
  }
  return { specs, leftOut };
}
