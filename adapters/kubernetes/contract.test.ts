/** The contract that every adapter keeps, over a model of the API server. */
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { createModelApi } from "../../src/kubernetes/testing.ts";
import { adapterContract, type ContractInstance } from "../../src/registry/contract-suite.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { watchKubernetes } from "./index.ts";
import { kubeconfigFile, modelService, modelSlice, SERVICES, SLICES, sliceName } from "./testing-objects.ts";

adapterContract("kubernetes (model)", {
  async start() {
    const api = createModelApi();
    const there = new Map<string, readonly ContractInstance[]>();
    const kubeconfig = await kubeconfigFile();
    /** Each instance of the suite has a port of its own, and a slice has one number for all: so each has a slice. */
    const write = (service: string, instances: readonly ContractInstance[]) => {
      const before = there.get(service) ?? [];
      there.set(service, instances);
      api.put(SERVICES, modelService("default", service));
      for (const instance of instances) api.put(SLICES, modelSlice("default", service, instance));
      for (const instance of before)
        if (!instances.includes(instance)) api.remove(SLICES, "default", sliceName(service, instance));
    };
    return {
      watch: (signal) =>
        watchKubernetes(
          { clusters: [{ name: "c1", kubeconfig: kubeconfig.path }] },
          {
            name: "k8s",
            settings: registrySettings(),
            baseDir: "/",
            signal,
            log: silentLog,
            clock: systemClock,
            random: Math.random,
          },
          async () => api,
        ),
      async put(service, instances) {
        write(service, instances);
      },
      async remove(service) {
        for (const instance of there.get(service) ?? []) api.remove(SLICES, "default", sliceName(service, instance));
        there.delete(service);
        api.remove(SERVICES, "default", service);
      },
      async removeInstance(service, { address, port }) {
        const left = there.get(service)?.filter((one) => one.address !== address || one.port !== port) ?? [];
        write(service, left);
      },
      async breakRegistry() {
        api.refuseWith({ status: 503, reason: "down" });
      },
      async heal() {
        api.refuseWith(undefined);
      },
      stop: () => kubeconfig.remove(),
    };
  },
});
