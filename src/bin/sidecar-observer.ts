/** What the sidecar's metrics say, from the state of its targets. */
import type { Target } from "../sidecar/target.ts";
import type { Metrics, Sample } from "../telemetry/metrics.ts";

export interface Observed {
  readonly metrics: Metrics;
  readonly version: string;
  targets(): ReadonlyMap<string, Target>;
  /** The workload is, or this replica acts. */
  ready(): boolean;
}

/** Everything is taken at each scrape; counters grow by what they have grown since the one before. */
export function observeTargets({ metrics, version, targets, ready }: Observed): void {
  const before = new Map<string, number>();
  metrics.mirror(function* (): Generator<Sample> {
    yield { name: "build_info", labels: { version, node: process.versions.node }, value: 1 };
    yield { name: "sidecar_ready", value: ready() ? 1 : 0 };
    for (const [target, { state }] of targets()) {
      yield { name: "sidecar_target_up", labels: { target }, value: state.connected ? 1 : 0 };
      yield { name: "sidecar_target_settled", labels: { target }, value: state.settled ? 1 : 0 };
      const counts = new Map<string, number>();
      for (const record of state.records) counts.set(record.state, (counts.get(record.state) ?? 0) + 1);
      for (const [name, value] of counts) yield { name: "sidecar_records", labels: { target, state: name }, value };
      for (const [change, count] of Object.entries(state.counts)) {
        const key = `${target} ${change}`;
        // A new term of office begins at 0.
        const from = before.get(key) ?? 0;
        metrics.count("sidecar_changes_total", { target, change }, count < from ? count : count - from);
        before.set(key, count);
      }
    }
  });
}
