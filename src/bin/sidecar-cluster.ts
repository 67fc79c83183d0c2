/** Composition root of the cluster scope: sources, an election, targets for each term of office, and an end that hands over. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { listenAdmin } from "../admin/listen.ts";
import { systemClock } from "../kernel/clock.ts";
import { parseDuration } from "../kernel/duration.ts";
import type { Log } from "../kernel/log.ts";
import { fail } from "../model/errors.ts";
import type { Adapter } from "../registry/adapter.ts";
import { AS_THEY_ARE } from "../registry/naming.ts";
import { DEFAULT_PROTECTION, type RegistrySettings } from "../registry/settings.ts";
import { startSupervisor } from "../registry/supervisor.ts";
import { SYNC_INSTANCE } from "../sidecar/cluster/mirror.ts";
import { type ClusterSync, startClusterSync } from "../sidecar/cluster/sync.ts";
import { createSidecarApp } from "../sidecar/http.ts";
import type { ClusterFile } from "../sidecar/settings/cluster-schema.ts";
import type { ClusterConfig } from "../sidecar/settings/load.ts";
import { startTarget } from "../sidecar/target.ts";
import type { WriterKind } from "../sidecar/writer.ts";
import { createLog } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { listenOf } from "./sidecar-listen.ts";
import { observeTargets } from "./sidecar-observer.ts";

export interface ClusterScopeOptions extends ClusterConfig {
  readonly writers: readonly WriterKind[];
  readonly adapters: readonly Adapter[];
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends it: office is handed over first. */
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts; resolves with 0. Throws errors of the table. */
export async function runClusterScope(options: ClusterScopeOptions): Promise<number> {
  const { file, baseDir, writers, version, env, signal } = options;
  const [clock, random] = [systemClock, Math.random];
  const { log } = createLog({ level: env["MESHBRIDGE_LOG_LEVEL"] ?? "info", format: process.stderr.isTTY ? "pretty" : "json" });
  const { cluster, sync: name = "sync" } = file;
  const instance = `${SYNC_INSTANCE}${name}`;
  const end = new AbortController();
  const writerOf = (kind: string) => {
    const writer = writers.find((one) => one.kind === kind);
    if (writer === undefined) throw fail("MB_INTERNAL", { reason: `there is no writer of kind ${kind}` });
    return writer;
  };
  let sync: ClusterSync | undefined;
  const supervisors = startSources(options, log, () => sync?.sourceChanged());
  const { kind, ...settings } = file.election;
  const identity = `${env["POD_NAME"] ?? hostname()}_${randomUUID()}`;
  const shared = { baseDir, log, clock, random };
  const election = writerOf(kind).elect?.(settings, {
    ...{ ...shared, identity, name: "election" },
    owner: { cluster, instance, epoch: 0 },
  });
  if (election === undefined) throw fail("MB_INTERNAL", { reason: `there is no election of kind ${kind}` });
  const running = startClusterSync({
    ...{ ...shared, election, owner: { cluster, instance }, signal: end.signal },
    sources: supervisors.map((one) => ({
      name: one.spec.name,
      get complete() {
        return one.synced && !one.failing;
      },
      groups: () => one.groups(),
    })),
    mirrors: file.mirrors.map(({ from, to, services = ["*/*"], name: as = "{name}", port, imports = "skip" }) => ({
      ...{ from, to, rule: { services, name: as, port, imports } },
    })),
    openTargets: (epoch, term) =>
      new Map(
        file.targets.map(({ name: target, kind: of, ...rest }) => {
          const context = { ...shared, name: target, owner: { cluster, instance, epoch } };
          const writer = writerOf(of).open(rest, context);
          return [target, startTarget({ ...context, writer, signal: term, onChange: () => undefined })] as const;
        }),
      ),
    handoverMs: parseDuration(file.handover ?? "5s") ?? 5000,
  });
  sync = running;

  const metrics = createMetrics();
  const targets = () => new Map(running.targets.map((target) => [target.state.name, target] as const));
  observeTargets({ metrics, version, targets, ready: () => running.epoch !== undefined });
  const handOver = async () => {
    const from = clock.monotonic();
    await running.leave();
    return { complete: true, tookMs: Math.round(clock.monotonic() - from) };
  };
  const app = createSidecarApp({
    ...{ version, cluster, owner: instance },
    offer: () => (running.epoch === undefined ? "standby" : `acting, epoch ${running.epoch}`),
    readiness: () => ({ ready: running.epoch !== undefined, reason: running.electionError?.message }),
    leaving: () => signal.aborted,
    registered: () => running.epoch !== undefined && running.targets.every(({ state }) => state.complete),
    targets: () => running.targets.map(({ state }) => state),
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
    drain: handOver,
  });
  try {
    const address = await listenAdmin(app, listenOf(file.listen));
    log.info({ version, address, owner: `${cluster}/${instance}`, identity }, "sync is up");
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await handOver();
    return 0;
  } finally {
    end.abort(new Error("the sync ends"));
    await app.close();
    await Promise.all([running.ended, ...supervisors.map((one) => one.stop())]);
  }
}

function startSources({ file, adapters, baseDir }: ClusterScopeOptions, log: Log, changed: () => void) {
  return file.sources.map((source) => {
    const adapter = adapters.find(({ kind }) => kind === source.kind);
    if (adapter === undefined) throw fail("MB_INTERNAL", { reason: `there is no adapter of kind ${source.kind}` });
    const own = Object.keys(adapter.schema.properties).filter((key) => Object.hasOwn(source, key));
    const config = Object.fromEntries(own.map((key) => [key, (source as Readonly<Record<string, unknown>>)[key]]));
    const spec = { name: source.name, adapter, config, settings: settingsOf(source, file.cluster), baseDir };
    const env = { clock: systemClock, random: Math.random, log, lastKnownGood: undefined };
    return startSupervisor(spec, { ...env, onChange: changed, onStatus: changed });
  });
}

function settingsOf(source: ClusterFile["sources"][number], cluster: string): RegistrySettings {
  const { namespace = "default", addresses, holdFor = "2m", protection = true, kind } = source;
  return {
    ...{ namespace, cluster, network: "default", locality: {}, trusted: kind === "file" },
    addresses: { allow: addresses?.allow ?? [], deny: addresses?.deny ?? [] },
    holdForMs: parseDuration(holdFor) ?? 120_000,
    protection: protection ? DEFAULT_PROTECTION : undefined,
    // What a source said last stands until it can be read again: a sync removes nothing meanwhile.
    staleness: undefined,
    ...{ required: true, naming: AS_THEY_ARE },
  };
}
