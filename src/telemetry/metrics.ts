/** What Prometheus scrapes. The only file that knows prom-client; names and help texts are one table. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

const PREFIX = "meshbridge_";

/** Every metric: what it is, what it says, its labels. Labels are bounded by the configuration, never by instances. */
export const METRICS = {
  build_info: ["gauge", "Always 1; the labels say what runs.", ["version", "node"]],
  config_last_reload_success: ["gauge", "1 when the configuration file that is there now is the one that runs.", []],
  config_last_reload_timestamp_seconds: ["gauge", "When the configuration was last taken over.", []],
  registry_up: ["gauge", "1 when the registry can be read.", ["registry"]],
  registry_state: ["gauge", "1 for the state that the registry is in.", ["registry", "state"]],
  registry_age_seconds: ["gauge", "Since what is shown of the registry was last confirmed.", ["registry"]],
  registry_part_up: ["gauge", "1 when the datacentre or cluster of the registry can be read.", ["registry", "part"]],
  registry_part_age_seconds: [
    "gauge",
    "Since what is shown of the datacentre or cluster was last confirmed.",
    ["registry", "part"],
  ],
  registry_last_sync_timestamp_seconds: ["gauge", "When the registry last confirmed that what it said is current.", ["registry"]],
  registry_events_total: ["counter", "Events of the registry's adapter.", ["registry", "type"]],
  registry_errors_total: ["counter", "Failures to read the registry.", ["registry", "code"]],
  catalog_services: ["gauge", "Services in the catalog.", []],
  catalog_instances: ["gauge", "Instances in the catalog.", ["registry", "health"]],
  catalog_held_instances: ["gauge", "Instances held back from removal.", ["registry", "reason"]],
  catalog_drained_instances: ["gauge", "Instances that a drain keeps from new traffic.", []],
  drains: ["gauge", "Drains in force.", []],
  catalog_rejected_records: ["gauge", "Records left out because they could harm a client.", ["registry"]],
  catalog_conflicts: ["gauge", "Conditions on services: sources that do not fit together.", []],
  catalog_version: ["gauge", "Grows with every change of the catalog.", []],
  secret_current: ["gauge", "1 when what the secret's files hold now is what is served.", ["secret"]],
  secret_not_after_timestamp_seconds: ["gauge", "When the certificate that is served expires.", ["secret"]],
  secret_reloads_total: ["counter", "Changed secrets, and whether they were taken.", ["secret", "result"]],
  xds_streams: ["gauge", "Open xDS streams.", ["variant"]],
  xds_connections_refused_total: ["counter", "xDS connections closed at the gate: silent, or too many.", ["reason"]],
  xds_secrets_denied_total: ["counter", "Requests for secrets over connections that may not have any.", []],
  xds_responses_total: ["counter", "xDS responses sent.", ["type"]],
  xds_response_bytes_total: ["counter", "Bytes of xDS responses sent.", ["type"]],
  xds_nacks_total: ["counter", "xDS responses that a client refused.", ["type"]],
  xds_stale_nodes: ["gauge", "Clients that have not answered the newest response, or refused it.", []],
  sidecar_ready: ["gauge", "1 when the workload beside the sidecar is ready.", []],
  sidecar_target_up: ["gauge", "1 when the registry can be written to.", ["target"]],
  sidecar_target_settled: ["gauge", "1 when the registry holds what is wanted, and its readers see it.", ["target"]],
  sidecar_records: ["gauge", "Records by how it stands with them.", ["target", "state"]],
  sidecar_changes_total: ["counter", "Records written, taken out and removed, and failures to do so.", ["target", "change"]],
  dns_queries_total: ["counter", "DNS queries by what they were answered with.", ["transport", "type", "rcode"]],
  dns_dropped_total: ["counter", "DNS queries and connections that got no answer, and why.", ["reason"]],
  dns_tcp_connections: ["gauge", "Open DNS connections over TCP.", []],
  propagation_seconds: ["histogram", "From a change of the catalog to the first response that carries it.", []],
  translate_seconds: ["histogram", "Time one change takes to translate and encode for all views.", []],
  eventloop_lag_seconds: ["gauge", "99th percentile of the event loop's delay since the last scrape.", []],
} as const satisfies Record<string, readonly ["gauge" | "counter" | "histogram", string, readonly string[]]>;

export type MetricName = keyof typeof METRICS;
type Labels = Readonly<Record<string, string>>;

/** One value of a gauge that mirrors state. */
export interface Sample {
  readonly name: MetricName;
  readonly labels?: Labels;
  readonly value: number;
}

export interface Metrics {
  readonly contentType: string;
  /** The state to mirror is asked for at each scrape, so it can never lag behind. */
  mirror(source: () => Iterable<Sample>): void;
  count(name: MetricName, labels?: Labels, by?: number): void;
  add(name: MetricName, labels: Labels, by: number): void;
  observe(name: MetricName, value: number): void;
  text(): Promise<string>;
}

/** How often the event loop is looked at. */
const SAMPLE_MS = 20;
/** Seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const made = new Map<string, Counter | Gauge | Histogram>();
  for (const [name, [kind, help, labelNames]] of Object.entries(METRICS)) {
    const options = { name: PREFIX + name, help, labelNames: [...labelNames], registers: [registry] };
    if (kind === "counter") made.set(name, new Counter(options));
    else made.set(name, kind === "gauge" ? new Gauge(options) : new Histogram({ ...options, buckets: BUCKETS }));
  }
  const of = <T>(name: MetricName, type: abstract new (...args: never[]) => T): T => {
    const metric = made.get(name);
    if (metric instanceof type) return metric;
    throw new TypeError(`${name} is not a ${type.name}`);
  };
  const sources: (() => Iterable<Sample>)[] = [];
  const mirrored = new Set<MetricName>();
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  delay.enable();

  const refresh = () => {
    // What is no longer there must not stay as it was last: a registry that was removed has no gauges.
    for (const name of mirrored) of(name, Gauge).reset();
    for (const { name, labels = {}, value } of sources.flatMap((source) => [...source()])) {
      mirrored.add(name);
      of(name, Gauge).set({ ...labels }, value);
    }
    // What is measured is the time between two samples: the lag is what it exceeds the interval by.
    of("eventloop_lag_seconds", Gauge).set(Math.max(0, delay.percentile(99) / 1e9 - SAMPLE_MS / 1000));
    delay.reset();
  };

  return {
    contentType: registry.contentType,
    mirror: (source) => sources.push(source),
    count: (name, labels = {}, by = 1) => of(name, Counter).inc({ ...labels }, by),
    add: (name, labels, by) => of(name, Gauge).inc({ ...labels }, by),
    observe: (name, value) => of(name, Histogram).observe(value),
    text: async () => {
      refresh();
      return await registry.metrics();
    },
  };
}

/** The reference page of metrics, as Markdown. */
export function metricsReference(): string {
  const rows = Object.entries(METRICS).map(
    ([name, [kind, help, labels]]) =>
      `| \`${PREFIX}${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`,
  );
  return ["| metric | kind | labels | says |", "|---|---|---|---|", ...rows].join("\n");
}
