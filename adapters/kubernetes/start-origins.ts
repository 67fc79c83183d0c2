/** The origins of clusters that the settings name, begun: this machine's files and folders, and Secrets of a home cluster. */
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { KubeApi } from "../../src/kubernetes/api.ts";
import type { ConnectOptions } from "../../src/kubernetes/connect.ts";
import { registryFaults } from "../../src/kubernetes/faults.ts";
import type { WatchContext } from "../../src/registry/adapter.ts";
import { clustersInFolder, namedClusters, type OriginUpdate } from "./origins.ts";
import type { ClusterSettings, KubernetesSettings } from "./schema.ts";
import { clustersInSecrets } from "./secrets.ts";
import type { ClusterSpec } from "./specs.ts";
import { switching } from "./switching.ts";

/** Connects to one cluster; the real one is `connectCluster`. */
export type ConnectCluster = (kubeconfig: string, options: ConnectOptions) => Promise<KubeApi>;

export type Origin = AsyncGenerator<OriginUpdate>;

/** What every origin needs. */
export interface Surroundings {
  readonly context: WatchContext;
  readonly connect: ConnectCluster;
}

/** One stream for each origin: what clusters there are, anew whenever that may have changed. */
export async function startOrigins(config: KubernetesSettings, { context, connect }: Surroundings): Promise<readonly Origin[]> {
  const { clusters = [], discover } = config;
  // Without a word about clusters it is the one the bridge runs in, or the one that kubectl would mean.
  const inCluster = process.env["KUBERNETES_SERVICE_HOST"] !== undefined && process.env["KUBECONFIG"] === undefined;
  const named = clusters.length === 0 && discover === undefined ? [{ inCluster }] : clusters;
  const origins: Origin[] = named.length === 0 ? [] : [namedClusters(named, context)];
  if (discover?.directory !== undefined) origins.push(clustersInFolder(discover.directory, context));
  if (discover?.secrets !== undefined) {
    const { namespace = "meshbridge-system", home = { inCluster: true } } = discover.secrets;
    origins.push(secretsOrigin(home, namespace, { config, context, connect }));
  }
  return origins;
}

/** The home cluster's own kubeconfig may change too: the Secrets are then followed anew, and until then as before. */
async function* secretsOrigin(
  home: ClusterSettings,
  namespace: string,
  { config, context, connect }: Surroundings & { readonly config: KubernetesSettings },
): AsyncGenerator<OriginUpdate> {
  const versions = new Map<string, string>();
  yield* switching(namedClusters([home], context), async function* ({ specs, errors }, signal) {
    const [spec] = specs?.values() ?? [];
    const [error] = errors.values();
    if (spec === undefined) {
      if (error !== undefined) yield { specs: undefined, errors: new Map([["", error]]) };
      return;
    }
    try {
      const api = await connect(spec.kubeconfig, connectOptions(spec, { config, context }));
      signal.addEventListener("abort", () => api.close(), { once: true });
      yield* clustersInSecrets({ api, namespace, versions, context: { ...context, signal } });
    } catch (cause) {
      if (signal.aborted) return;
      if (!(cause instanceof MeshbridgeError)) throw cause;
      yield { specs: undefined, errors: new Map([["", cause]]) };
    }
  });
}

/** How a cluster of these settings is connected to. */
export function connectOptions(
  spec: ClusterSpec,
  { config, context }: { readonly config: KubernetesSettings; readonly context: WatchContext },
): ConnectOptions {
  const { origin, dir, local } = spec;
  return {
    faults: (address) => registryFaults(`${context.name} (cluster ${spec.name})`, address),
    origin,
    dir,
    local,
    context: spec.context,
    allow: config.allow ?? [],
  };
}
