/**
 * What one more remote cluster costs the bridge: `npm run bench -- remote-cluster [--clusters 1,6] [--services 300]
 * [--endpoints 4000]`. A bridge as a process of its own, with one file registry a cluster behind a gateway and one sidecar
 * Envoy that has everything; its resident memory with few and with many clusters. Prints Markdown; 1 when the goal is missed.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { bootstrapOf, createWorkspace, startBridge } from "../test/support/bridge.ts";
import { selfSigned } from "../test/support/certificate.ts";
import { startEnvoy } from "../test/support/envoy.ts";
import { eventually } from "../test/support/eventually.ts";
import { freePort } from "../test/support/ports.ts";
import { memoryOf } from "./support/usage.ts";

/** MiB a remote cluster may cost. */
const GOAL_MIB = 50;
const SETTLE_MS = 15_000;

interface Figures {
  readonly clusters: number;
  readonly rssMiB: number;
  readonly peakMiB: number;
  /** Clusters that Envoy has. */
  readonly known: number;
}

interface Size {
  readonly services: number;
  readonly endpoints: number;
}

async function measure(clusters: number, size: Size): Promise<Figures> {
  await using scope = new AsyncDisposableStack();
  const workspace = await createWorkspace(scope);
  const numbers = Array.from({ length: clusters }, (_, index) => index + 1);
  for (const number of numbers) await workspace.write(`c${number}.yaml`, { services: servicesOf(number, size) });
  const { cert, key } = selfSigned("bench.mesh.local");
  await workspace.write("cert.pem", cert);
  await workspace.write("key.pem", key);
  await workspace.configure({
    mesh: { cluster: "home", network: "n0" },
    registries: numbers.map((number) => ({ kind: "file", name: `r${number}`, path: `./c${number}.yaml`, cluster: `c${number}` })),
    networks: [
      { name: "n0" },
      ...numbers.map((number) => ({
        ...{ name: `n${number}`, clusters: [`c${number}`], probe: { enabled: false } },
        gateways: [{ address: `192.0.2.${number}` }],
      })),
    ],
    exports: [{ match: "shop/*", to: ["*"] }],
    secrets: [{ name: "workload", certFile: "./cert.pem", keyFile: "./key.pem", caFile: "./cert.pem" }],
    mtls: { certificate: "workload", trustDomains: [{ name: "mesh.local", ca: "workload" }] },
    services: [{ match: "*", tls: "mutual" }],
    sidecar: { outbound: { port: await freePort() } },
  });
  const bridge = await startBridge(workspace, scope, { readyWithinMs: 60_000 });
  const bootstrap = await bootstrapOf(workspace, ["--role", "sidecar", "--name", "bench"]);
  const envoy = await startEnvoy({ bootstrap }, scope);
  const known = async () =>
    (await envoy.stats("^cluster_manager\\.active_clusters$")).get("cluster_manager.active_clusters") ?? 0;
  const all = clusters * size.services;
  // While Envoy takes so many clusters its admin interface may not answer in time: that is no failure.
  await eventually("Envoy has everything", async () => assert.ok((await known()) >= all), { withinMs: 180_000, everyMs: 500 });
  // What reading and encoding left behind is collected when the process is idle.
  await sleep(SETTLE_MS);
  return { clusters, ...(await memoryOf(bridge.program.pid)), known: await known() };
}

/** Services of its own: nothing is shared between clusters, which is the dearest case. */
function servicesOf(cluster: number, { services, endpoints }: Size): readonly object[] {
  return Array.from({ length: services }, (_, index) => {
    const share = Math.floor(endpoints / services) + (index < endpoints % services ? 1 : 0);
    return {
      ...{ name: `service-${cluster}-${index}`, namespace: "shop", ports: [{ name: "http", port: 80 }] },
      instances: Array.from({ length: share }, (_one, at) => ({
        ...{ address: `10.${cluster}.${index % 250}.${at + 1}`, ports: { http: 15006 + Math.floor(index / 250) } },
        ...{
          locality: { region: `r${cluster}`, zone: `z${at % 3}` },
          labels: { version: `v${at % 2}`, app: `service-${index}` },
        },
      })),
    };
  });
}

/** Resolves with 1 when a cluster costs more than the goal; throws when Envoy has not got everything within 3 minutes. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clusters: { type: "string", default: "1,6" },
      services: { type: "string", default: "300" },
      endpoints: { type: "string", default: "4000" },
    },
  });
  const size: Size = { services: Number(values.services), endpoints: Number(values.endpoints) };
  const rows: Figures[] = [];
  process.stdout.write("| remote clusters | clusters in Envoy | bridge RSS | peak |\n|---|---|---|---|\n");
  for (const clusters of values.clusters.split(",").map(Number)) {
    const row = await measure(clusters, size);
    rows.push(row);
    process.stdout.write(`| ${row.clusters} | ${row.known} | ${row.rssMiB} MiB | ${row.peakMiB} MiB |\n`);
  }
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined || last.clusters === first.clusters) return 0;
  const each = (last.rssMiB - first.rssMiB) / (last.clusters - first.clusters);
  process.stdout.write(
    `\n${each.toFixed(1)} MiB for each remote cluster of ${size.services} services and ${size.endpoints} endpoints\n`,
  );
  return each <= GOAL_MIB ? 0 : 1;
}
