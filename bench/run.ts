/** `npm run bench -- NAME [options]`: runs one benchmark. Each is a module with `run(args)` that resolves to the exit code. */

const BENCHMARKS: Readonly<Record<string, () => Promise<{ run(args: readonly string[]): Promise<number> }>>> = {
  deploy: () => import("./deploy.ts"),
  "consul-rounds": () => import("./consul-rounds.ts"),
  dns: () => import("./dns.ts"),
  envoys: () => import("./envoys.ts"),
  growth: () => import("./growth.ts"),
  gateway: () => import("./gateway.ts"),
  "on-demand": () => import("./on-demand.ts"),
  peers: () => import("./peers/run.ts"),
  planner: () => import("./planner.ts"),
  propagation: () => import("./propagation.ts"),
  registrations: () => import("./registrations.ts"),
  "remote-cluster": () => import("./remote-cluster.ts"),
  "registry-load": () => import("./registry-load.ts"),
  scaling: () => import("./scaling.ts"),
  views: () => import("./views.ts"),
};

const [name = "", ...args] = process.argv.slice(2);
const load = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
if (load === undefined) {
  process.stderr.write(`usage: npm run bench -- NAME [options]\nbenchmarks: ${Object.keys(BENCHMARKS).join(", ")}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = await (await load()).run(args);
}
