/** ZooKeeper over the adapter's model of it: sessions, watches and zxids are the model's, providers write Curator records. */
import { Type } from "typebox";
import { watchZooKeeper } from "../../../adapters/zookeeper/index.ts";
import { modelZooKeeper } from "../../../adapters/zookeeper/testing.ts";
import { defineAdapter } from "../../../src/registry/adapter.ts";
import type { Provider, SimulatedRegistry } from "../registry.ts";

const ROOT = "/services";
const pathOf = ({ service, id }: Provider) => `${ROOT}/${service}/${id}`;

export function simulatedZooKeeper(): SimulatedRegistry {
  const model = modelZooKeeper();
  let restore: () => void = model.snapshot();
  const clear = () => {
    for (const path of [...model.dump().keys()].sort((a, b) => b.length - a.length)) if (path !== "/") model.remove(path);
  };
  return {
    kind: "zookeeper",
    adapter: () =>
      defineAdapter({
        kind: "zookeeper",
        description: "A simulated ZooKeeper.",
        schema: Type.Object({}),
        watch: (_config, context) => watchZooKeeper({ paths: [{ path: ROOT, format: "services" }] }, context, model.connect),
      }),
    register(provider) {
      const { service, id, address, port } = provider;
      model.put(pathOf(provider), JSON.stringify({ name: service, id, address, port, payload: { metadata: {} } }));
    },
    deregister(provider) {
      model.remove(pathOf(provider));
    },
    lasting: {
      refused() {
        model.refuse = true;
        model.disconnect();
      },
      hung() {
        model.hung = true;
      },
    },
    sudden: {
      reset: { losesRecords: false, strike: () => model.disconnect() },
      "session expired": { losesRecords: false, strike: () => model.expire() },
      "restarted empty": {
        losesRecords: true,
        strike() {
          model.expire();
          clear();
        },
      },
      snapshot: {
        losesRecords: false,
        strike() {
          restore = model.snapshot();
        },
      },
      "restored from the snapshot": {
        losesRecords: true,
        strike() {
          restore();
          // Sessions that began after the snapshot are not in it; ours is taken to be one of them.
          model.expire();
        },
      },
    },
    heal() {
      model.refuse = false;
      model.hung = false;
    },
  };
}
