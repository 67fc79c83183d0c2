/** What stands for the containers of KWOK's Pods: an HTTP server at each Pod's address, registered in Consul while the test lets it. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Backend, startHttpBackend } from "./backend.ts";
import { type Consul, TTL_CHECK } from "./consul.ts";
import type { Cluster } from "./kubernetes.ts";

const PODS = "/api/v1/namespaces/default/pods";
const LOOK_MS = 50;

export interface PodServer {
  /** `cluster/pod`, its ID in Consul as well. */
  readonly id: string;
  readonly cluster: string;
  readonly image: string;
  registered: boolean;
}

export interface PodServers {
  list(cluster: string): readonly PodServer[];
  /** Whether Pods that begin to run register themselves. */
  registers: boolean;
  /** Registers all that run and are not. */
  registerAll(): Promise<void>;
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status?: { readonly podIP?: string };
}

/**
 * Pods must have loopback addresses. A Pod that is deleted ends at once, as one without any care of its own: requests that
 * still come fail, and its registration goes after it.
 */
export function startPodServers(clusters: readonly Cluster[], consul: Consul, scope: AsyncDisposableStack): PodServers {
  const running = new Map<string, PodServer & { readonly backend: Backend; readonly address: string }>();
  const ending = new AbortController();
  const register = async (one: PodServer & { readonly backend: Backend; readonly address: string }) => {
    one.registered = true;
    await consul.register({ ID: one.id, Name: "web", Address: one.address, Port: one.backend.port, Check: TTL_CHECK });
  };
  const look = async ({ name: cluster, api }: Cluster) => {
    const { items } = await api.send<{ readonly items: readonly Pod[] }>("GET", PODS);
    const here = new Set<string>();
    for (const { metadata, spec, status } of items) {
      const id = `${cluster}/${metadata.name}`;
      const address = status?.podIP;
      if (metadata.deletionTimestamp !== undefined || address === undefined) continue;
      here.add(id);
      if (running.has(id)) continue;
      const backend = await startHttpBackend(scope, { address, name: id });
      const one = { id, cluster, image: spec.containers[0]?.image ?? "", registered: false, backend, address };
      running.set(id, one);
      if (servers.registers) await register(one);
    }
    for (const [id, one] of running) {
      if (one.cluster !== cluster || here.has(id)) continue;
      running.delete(id);
      await one.backend.close();
      if (one.registered) await consul.deregister(id);
    }
  };
  const follow = async (cluster: Cluster) => {
    while (!ending.signal.aborted) {
      await look(cluster);
      // The only rejection of a sleep is its abort.
      await sleep(LOOK_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const following = Promise.all(clusters.map(follow));
  scope.defer(async () => {
    ending.abort();
    await following;
  });
  const servers: PodServers = {
    list: (cluster) => [...running.values()].filter((one) => one.cluster === cluster),
    registers: true,
    async registerAll() {
      for (const one of running.values()) if (!one.registered) await register(one);
    },
  };
  return servers;
}
