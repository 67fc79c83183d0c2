import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { adapterContract, type ContractInstance } from "../../src/registry/contract-suite.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { modelZooKeeper } from "./testing.ts";
import { plainFormat } from "./testing-format.ts";
import { watchRoots } from "./watch.ts";

function start(recursive: boolean) {
  const model = modelZooKeeper({ recursive });
  const pathOf = (service: string, { address, port }: ContractInstance) => `/sd/${service}/${address}-${port}`;
  return {
    watch: (signal: AbortSignal) =>
      watchRoots({
        connect: model.connect,
        servers: [{ host: "model", port: 2181 }],
        roots: [{ path: "/sd", format: plainFormat("/sd") }],
        isMeant: () => true,
        providerSessionTimeoutMs: 60_000,
        lookup: () => Promise.reject(new Error("nothing is to be resolved here")),
        context: {
          ...{ name: "zookeeper", settings: registrySettings(), baseDir: "/", signal, log: silentLog, clock: systemClock },
          random: () => 0.1,
        },
      }),
    put: async (service: string, instances: readonly ContractInstance[]) => {
      const wanted = new Set(instances.map((instance) => pathOf(service, instance)));
      for (const path of model.dump().keys()) if (path.startsWith(`/sd/${service}/`) && !wanted.has(path)) model.remove(path);
      for (const instance of instances) model.put(pathOf(service, instance), `${instance.address}:${instance.port}`);
    },
    remove: async (service: string) => {
      model.remove(`/sd/${service}`);
    },
    removeInstance: async (service: string, instance: ContractInstance) => {
      model.remove(pathOf(service, instance));
    },
    breakRegistry: async () => {
      model.refuse = true;
      model.disconnect();
    },
    heal: async () => {
      model.refuse = false;
    },
    stop: async () => model.expire(),
  };
}

adapterContract("zookeeper with recursive watches", { start: async () => start(true) });
adapterContract("zookeeper with one-shot watches", { start: async () => start(false) });
