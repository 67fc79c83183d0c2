/** The contract that every adapter keeps, over the exporting side of a link in this process. */
import { adapterContract, type ContractInstance } from "../../src/registry/contract-suite.ts";
import { startExporter } from "./testing.ts";

adapterContract("meshbridge (one process)", {
  async start() {
    const scope = new AsyncDisposableStack();
    const far = await startExporter(scope);
    const there = new Map<string, readonly ContractInstance[]>();
    const put = (service: string, instances: readonly ContractInstance[]) => {
      there.set(service, instances);
      far.put(service, instances);
    };
    return {
      watch: (signal) => far.watch(signal),
      put: async (service, instances) => put(service, instances),
      remove: async (service) => far.remove(service),
      removeInstance: async (service, { address, port }) =>
        put(service, there.get(service)?.filter((one) => one.address !== address || one.port !== port) ?? []),
      breakRegistry: () => far.down(),
      heal: () => far.up(),
      stop: () => scope.disposeAsync(),
    };
  },
});
