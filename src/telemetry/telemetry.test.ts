import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../kernel/secret.ts";
import { fail } from "../model/errors.ts";
import { createLog } from "./log.ts";
import { createMetrics, METRICS, metricsReference } from "./metrics.ts";

function captured(level = "info") {
  const lines: string[] = [];
  const control = createLog({ level, format: "json", destination: { write: (line) => lines.push(line) } });
  return { ...control, lines, last: () => JSON.parse(lines.at(-1) ?? "{}") };
}

test("log: a line has its fields, an error of the table its code and next step, and no stack", () => {
  const { log, last } = captured();
  log.child({ registry: "r" }).warn({ err: fail("MB_INTERNAL", { reason: "x" }) }, "it failed");
  const { registry, msg, err } = last();
  assert.equal(registry, "r");
  assert.equal(msg, "it failed");
  assert.equal(err.code, "MB_INTERNAL");
  assert.equal(err.stack, undefined);
  log.error({ err: new Error("unexpected") }, "it failed");
  assert.match(last().err.stack, /unexpected/);
});

test("log: a changed level counts at once, also for children made before", () => {
  const { log, lines, setLevel, level } = captured("warn");
  const child = log.child({ a: 1 });
  child.info({}, "not yet");
  assert.equal(lines.length, 0);
  setLevel("debug");
  assert.equal(level(), "debug");
  child.debug({}, "now");
  assert.equal(lines.length, 1);
});

test("log: a secret is never written", () => {
  const { log, lines } = captured();
  log.info({ token: new Secret("hunter2"), nested: { token: new Secret("hunter2") } }, "x");
  assert.doesNotMatch(lines.join(), /hunter2/);
});

test("log: pretty lines go to the destination as well, and follow the level", () => {
  const lines: string[] = [];
  const { log, setLevel } = createLog({ level: "warn", format: "pretty", destination: { write: (line) => lines.push(line) } });
  log.info({}, "not yet");
  setLevel("info");
  log.child({ registry: "zk" }).info({ token: new Secret("hunter2") }, "it is up");
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /INFO.*it is up\n/);
  assert.match(lines[0] ?? "", /registry: "zk"/);
  assert.doesNotMatch(lines[0] ?? "", /hunter2/);
});

/** What dashboards and alerts ask for: a name or label that changes breaks them, so it is written down here once more. */
const PROMISED = [
  "build_info{version,node}",
  "config_last_reload_success",
  "config_last_reload_timestamp_seconds",
  "registry_up{registry}",
  "registry_state{registry,state}",
  "registry_age_seconds{registry}",
  "registry_last_sync_timestamp_seconds{registry}",
  "registry_events_total{registry,type}",
  "registry_errors_total{registry,code}",
  "catalog_services",
  "catalog_instances{registry,health}",
  "catalog_held_instances{registry,reason}",
  "catalog_rejected_records{registry}",
  "catalog_conflicts",
  "catalog_version",
  "xds_streams{variant}",
  "xds_connections_refused_total{reason}",
  "xds_responses_total{type}",
  "xds_response_bytes_total{type}",
  "xds_nacks_total{type}",
  "xds_stale_nodes",
  "propagation_seconds",
  "translate_seconds",
  "eventloop_lag_seconds",
];

test("metrics: names and labels are those that were promised", () => {
  const names = Object.entries(METRICS).map(([name, [, , labels]]) => (labels.length === 0 ? name : `${name}{${labels}}`));
  for (const promised of PROMISED) assert.ok(names.includes(promised), promised);
});

test("metrics: every name of the table is exposed, with our prefix", async () => {
  const metrics = createMetrics();
  const text = await metrics.text();
  for (const name of Object.keys(METRICS)) {
    assert.match(text, new RegExp(`# TYPE meshbridge_${name} `), name);
    assert.match(metricsReference(), new RegExp(`meshbridge_${name}\``), name);
  }
});

test("metrics: a mirrored gauge that is no longer there is gone from the next scrape", async () => {
  const metrics = createMetrics();
  let registries = ["a", "b"];
  metrics.mirror(() => registries.map((registry) => ({ name: "registry_up" as const, labels: { registry }, value: 1 })));
  assert.match(await metrics.text(), /registry_up\{registry="b"\} 1/);
  registries = ["a"];
  const text = await metrics.text();
  assert.match(text, /registry_up\{registry="a"\} 1/);
  assert.doesNotMatch(text, /registry="b"/);
});

test("metrics: counters and histograms count", async () => {
  const metrics = createMetrics();
  metrics.count("xds_responses_total", { type: "CDS" }, 2);
  metrics.add("xds_streams", { variant: "delta" }, 1);
  metrics.observe("propagation_seconds", 0.003);
  const text = await metrics.text();
  assert.match(text, /xds_responses_total\{type="CDS"\} 2/);
  assert.match(text, /xds_streams\{variant="delta"\} 1/);
  assert.match(text, /propagation_seconds_count 1/);
});
