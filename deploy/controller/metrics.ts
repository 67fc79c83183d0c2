/** What Prometheus scrapes of the controller. Labels are bounded: no metric has a workload or a cluster as a label. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Names and help texts, for the page that lists them as well. */
const CONTROLLER_METRICS = {
  leading: ["meshbridge_deploy_leading", "1 while this controller leads, else 0"],
  epoch: ["meshbridge_deploy_epoch", "Fencing epoch of the last leadership of this process; 0 before the first"],
  queue: ["meshbridge_deploy_queue_depth", "Workloads that wait for a turn or are in one"],
  turns: ["meshbridge_deploy_turns_total", "Turns by result: done, left (somebody else leads or was faster), failed"],
  seconds: ["meshbridge_deploy_turn_seconds", "Duration of a turn in seconds"],
  workloads: ["meshbridge_deploy_workloads", "FederatedWorkloads of the hub"],
  clusters: ["meshbridge_deploy_clusters", "Clusters of the hub by way: connected, or none"],
  tracked: ["meshbridge_deploy_tracked_objects", "Objects in the caches of all members"],
} as const;

export interface ControllerState {
  readonly leading: boolean;
  readonly epoch: number;
  readonly queue: number;
  readonly workloads: number;
  readonly connected: number;
  readonly unconnected: number;
  readonly tracked: number;
}

export interface ControllerMetrics {
  turn(result: "done" | "left" | "failed", seconds: number): void;
  /** The text that Prometheus reads, and its type. */
  render(): Promise<{ readonly text: string; readonly type: string }>;
}

/** `state` is asked at each scrape. */
export function createControllerMetrics(state: () => ControllerState): ControllerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (key: keyof typeof CONTROLLER_METRICS, value: (now: ControllerState) => number) => {
    const [name, help] = CONTROLLER_METRICS[key];
    return new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(value(state()));
      },
    });
  };
  gauge("leading", ({ leading }) => (leading ? 1 : 0));
  gauge("epoch", ({ epoch }) => epoch);
  gauge("queue", ({ queue }) => queue);
  gauge("workloads", ({ workloads }) => workloads);
  gauge("tracked", ({ tracked }) => tracked);
  const [clustersName, clustersHelp] = CONTROLLER_METRICS.clusters;
  new Gauge({
    ...{ name: clustersName, help: clustersHelp, registers, labelNames: ["way"] as const },
    collect() {
      const { connected, unconnected } = state();
      this.set({ way: "connected" }, connected);
      this.set({ way: "none" }, unconnected);
    },
  });
  const [turnsName, turnsHelp] = CONTROLLER_METRICS.turns;
  const turns = new Counter({ name: turnsName, help: turnsHelp, registers, labelNames: ["result"] as const });
  const [secondsName, secondsHelp] = CONTROLLER_METRICS.seconds;
  const seconds = new Histogram({ name: secondsName, help: secondsHelp, registers, buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15] });
  return {
    turn(result, took) {
      turns.inc({ result });
      seconds.observe(took);
    },
    render: async () => ({ text: await registry.metrics(), type: registry.contentType }),
  };
}
