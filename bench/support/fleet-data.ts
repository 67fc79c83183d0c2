/** Many services with many instances each, for both kinds of registry. */
import { mkdir } from "node:fs/promises";
import { forEachLimited } from "../../src/kernel/promises.ts";
import type { Workspace } from "../../test/support/bridge.ts";
import type { Consul } from "../../test/support/consul.ts";

export interface FleetSize {
  readonly services: number;
  readonly instances: number;
}

const SERVICES_PER_FILE = 100;
const SERVICES_PER_NODE = 500;
/** Consul takes at most 64 operations in one transaction (128 in newer versions). */
const OPERATIONS_PER_TRANSACTION = 64;

/** Writes `services/NNN.yaml`, a hundred services each; the registry's path is then `./services/*.yaml`. */
export async function writeFleetFiles(workspace: Workspace, { services, instances }: FleetSize): Promise<void> {
  await mkdir(workspace.path("services"), { recursive: true });
  for (let first = 0; first < services; first += SERVICES_PER_FILE) {
    const lines = ["services:"];
    for (let service = first; service < Math.min(first + SERVICES_PER_FILE, services); service++) {
      lines.push(`  - name: ${serviceName(service)}`, "    ports: [{ name: http, port: 80, protocol: HTTP }]", "    instances:");
      for (let instance = 0; instance < instances; instance++)
        lines.push(`      - { address: ${addressOf(service * instances + instance)}, ports: { http: 8080 } }`);
    }
    await workspace.write(`services/${String(first / SERVICES_PER_FILE).padStart(4, "0")}.yaml`, `${lines.join("\n")}\n`);
  }
}

/** Fills Consul's catalog by transactions, four at a time. */
export async function fillConsul(consul: Consul, { services, instances }: FleetSize): Promise<void> {
  const nodes = Math.ceil(services / SERVICES_PER_NODE);
  for (let node = 0; node < nodes; node++)
    await consul.put("/v1/catalog/register", { Node: nodeName(node), Address: addressOf(1_000_000 + node) });
  const total = services * instances;
  const starts = Array.from({ length: Math.ceil(total / OPERATIONS_PER_TRANSACTION) }, (_, i) => i * OPERATIONS_PER_TRANSACTION);
  await forEachLimited(starts, 4, async (start) => {
    const operations = [];
    for (let index = start; index < Math.min(start + OPERATIONS_PER_TRANSACTION, total); index++) {
      const service = Math.floor(index / instances);
      const row = { ID: `i-${index}`, Service: serviceName(service), Address: addressOf(index), Port: 8080 };
      operations.push({ Service: { Verb: "set", Node: nodeName(Math.floor(service / SERVICES_PER_NODE)), Service: row } });
    }
    await consul.put("/v1/txn", operations);
  });
}

function serviceName(index: number): string {
  return `svc-${String(index).padStart(5, "0")}`;
}

function nodeName(index: number): string {
  return `node-${index}`;
}

/** 10.0.0.0/8, one for each index. */
function addressOf(index: number): string {
  const host = index + 1;
  return `10.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}`;
}
