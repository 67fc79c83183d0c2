/** Kubernetes over the adapter's model of an API server: versions, watches, bookmarks and 410 are the model's. */
import { Type } from "typebox";
import { watchCluster } from "../../../adapters/kubernetes/cluster.ts";
import { selectionOf } from "../../../adapters/kubernetes/selection.ts";
import { translateContext } from "../../../adapters/kubernetes/translate-context.ts";
import type { Clock } from "../../../src/kernel/clock.ts";
import { createModelApi } from "../../../src/kubernetes/testing.ts";
import { defineAdapter } from "../../../src/registry/adapter.ts";
import { mergeParts } from "../../../src/registry/parts.ts";
import type { Provider, SimulatedRegistry } from "../registry.ts";

const RESTART_MS = 8000;
const PAST_WRITES = 500;
const OTHERS = "/api/v1/configmaps";
const SERVICES = "/api/v1/services";
const SLICES = "/apis/discovery.k8s.io/v1/endpointslices";

export function simulatedKubernetes(clock: Clock): SimulatedRegistry {
  const api = createModelApi(Number.POSITIVE_INFINITY, clock);
  const empty = api.backup();
  // Far from what a server begins with, so that going back shows; it can do so once in a history.
  for (let write = 0; write < PAST_WRITES; write++) api.put(OTHERS, { metadata: { namespace: "default", name: "other" } });
  let restore = api.backup();
  let travelled = false;
  const declared = new Set<string>();
  let hung = false;
  let lasting = false;
  let restarting = 0;
  /** A server that is restored is down for a while; who watched it meanwhile was told so. */
  const restart = (bringBack: () => void) => {
    if (travelled) return;
    travelled = true;
    bringBack();
    declared.clear();
    api.refuseWith({ status: undefined, reason: "connection refused" });
    restarting++;
    const up = () => {
      if (--restarting === 0 && !lasting) api.refuseWith(undefined);
    };
    clock.sleep(RESTART_MS).then(up, up);
  };
  return {
    kind: "kubernetes",
    adapter: () =>
      defineAdapter({
        kind: "kubernetes",
        description: "A simulated Kubernetes cluster.",
        schema: Type.Object({}),
        watch(_config, context) {
          const { name, settings, clock, random, signal } = context;
          const spec = { name: "c1", kubeconfig: "", origin: "", dir: "/", context: undefined, local: true };
          const place = { network: settings.network, locality: settings.locality };
          const cluster = watchCluster({
            lookup: () => Promise.reject(new Error("nothing is to be resolved here")),
            api,
            translate: translateContext({ ...spec, ...place }, { registry: name, config: {}, settings }),
            selection: selectionOf({}),
            labelSelector: undefined,
            context: { clock, random, signal },
            versions: new Map(),
          });
          return mergeParts(new Map([["c1", cluster]]), clock);
        },
      }),
    register(provider) {
      const { service, id, address, port } = provider;
      if (!declared.has(service)) {
        declared.add(service);
        api.put(SERVICES, { metadata: { namespace: "default", name: service }, spec: { ports: [{ name: "http", port: 80 }] } });
      }
      api.put(SLICES, {
        metadata: { namespace: "default", name: id, labels: { "kubernetes.io/service-name": service } },
        addressType: "IPv4",
        ports: [{ name: "http", port, protocol: "TCP" }],
        endpoints: [{ addresses: [address] }],
      });
    },
    deregister: ({ id }: Provider) => api.remove(SLICES, "default", id),
    lasting: {
      refused() {
        lasting = true;
        api.refuseWith({ status: undefined, reason: "connection refused" });
      },
      forbidden() {
        lasting = true;
        api.refuseWith({ status: 403, reason: "forbidden" });
      },
      hung() {
        hung = true;
        api.hang(true);
      },
    },
    sudden: {
      reset: { losesRecords: false, strike: () => api.breakWatches() },
      "compacted and reset": {
        losesRecords: false,
        strike() {
          api.compact();
          api.breakWatches();
        },
      },
      "restarted empty": {
        losesRecords: true,
        strike: () => restart(empty),
      },
      snapshot: {
        losesRecords: false,
        strike() {
          restore = api.backup();
        },
      },
      "restored from the snapshot": {
        losesRecords: true,
        strike: () => restart(restore),
      },
    },
    heal() {
      lasting = false;
      if (restarting === 0) api.refuseWith(undefined);
      api.hang(false);
      // What stood still for long has lost its connections.
      if (hung) api.breakWatches();
      hung = false;
    },
  };
}
