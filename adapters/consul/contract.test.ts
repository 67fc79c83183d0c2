import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { adapterContract, type ContractInstance } from "../../src/registry/contract-suite.ts";
import { consul } from "./index.ts";
import { type StubInstance, startStubConsul } from "./stub-consul.ts";
import { SETTINGS } from "./testing.ts";

async function start() {
  const stub = await startStubConsul();
  const written = new Map<string, readonly StubInstance[]>();
  const idOf = ({ address, port }: ContractInstance) => `${address}-${port}`;
  const put = (service: string, instances: readonly StubInstance[]) => {
    written.set(service, instances);
    stub.put(service, instances);
  };
  return {
    watch: (signal: AbortSignal) =>
      consul.watch(
        { address: stub.url },
        // Without jitter's upper half the suite does not wait for the longest backoff.
        { name: "consul", settings: SETTINGS, baseDir: "/", signal, log: silentLog, clock: systemClock, random: () => 0.1 },
      ),
    put: async (service: string, instances: readonly ContractInstance[]) =>
      put(
        service,
        instances.map((instance) => ({ ...instance, id: idOf(instance) })),
      ),
    remove: async (service: string) => stub.remove(service),
    removeInstance: async (service: string, instance: ContractInstance) =>
      put(service, written.get(service)?.filter(({ id }) => id !== idOf(instance)) ?? []),
    breakRegistry: () => stub.breakDown(),
    heal: () => stub.heal(),
    stop: () => stub.stop(),
  };
}

// Time for the second look at what changed last.
adapterContract("consul", { start, quietMs: 2500 });
