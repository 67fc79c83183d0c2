/**
 * Views and an xDS server in this process, for tests that change the catalog directly. Whatever a test does, every stream is
 * recorded and judged when the test ends, as with a bridge of its own process (bridge.ts).
 */
import assert from "node:assert/strict";
import type { CatalogService } from "../../src/catalog/types.ts";
import { configOf } from "../../src/config/testing.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { locality } from "../../src/model/locality.ts";
import { type BootstrapOptions, envoyBootstrap, type Json } from "../../src/xds/bootstrap.ts";
import { createProxies } from "../../src/xds/proxies.ts";
import { requestRecord, responseRecord, type XdsRecord } from "../../src/xds/recording/record.ts";
import type { Recorder } from "../../src/xds/recording/recorder.ts";
import { createValidator } from "../../src/xds/recording/validate.ts";
import { createXdsServer, type XdsServer, type XdsServerEnv } from "../../src/xds/server/server.ts";
import { SILENT_METRICS } from "../../src/xds/server/testing.ts";
import { createViews, type Views } from "../../src/xds/views.ts";
import { freePort } from "./ports.ts";

const DEFAULTS = { cluster: "c1", network: "default", namespace: "default" } as const;

/** One healthy instance of `default/<name>` at an address, on a port named `http` (80) unless it is said otherwise. */
export function serviceAt(
  name: string,
  { address, port, protocol = "HTTP", listed = 80 }: ServiceAddress,
  labels: Readonly<Record<string, string>> = {},
): CatalogService {
  const instance = {
    id: name,
    address,
    ports: { http: port },
    locality: locality(),
    ...DEFAULTS,
    health: "healthy" as const,
    weight: 1,
    labels: {},
    source: { registry: "r", scope: name },
  };
  const ports = [{ name: "http", port: listed, protocol, inferred: false }];
  const key = { namespace: "default", name };
  return { id: `default/${name}`, key, ports, labels, instances: [instance], sources: [], conditions: [] };
}

interface ServiceAddress {
  readonly address: string;
  readonly port: number;
  readonly protocol?: "HTTP" | "TCP";
  /** The port that the service is called by. */
  readonly listed?: number;
}

/** Everything that was said on all streams, and the judge of it. */
export interface Judge {
  readonly recorder: Recorder;
  readonly records: readonly XdsRecord[];
  /** Fails when the server broke a rule of the protocol, or when it said less than `atLeast` responses (default 1). */
  assertLegal(atLeast?: number): void;
}

export function createJudge(): Judge {
  const records: XdsRecord[] = [];
  const validator = createValidator();
  let streams = 0;
  const add = (record: XdsRecord) => {
    records.push(record);
    validator.add(record);
  };
  const recorder: Recorder = {
    open(identity) {
      const stream = ++streams;
      const common = () => ({ at: Date.now(), stream });
      add({ ...common(), kind: "open", ...identity });
      return {
        request: (request) => add(requestRecord(request, common())),
        response: (response) => add(responseRecord(response, common())),
        close: () => add({ ...common(), kind: "close" }),
      };
    },
    close: () => Promise.resolve(),
  };
  const assertLegal = (atLeast = 1) => {
    const { streams: judged, responses, violations } = validator.result();
    assert.deepEqual(violations, [], "xDS as it was said");
    assert.ok(responses >= atLeast, `${judged} streams with ${responses} responses were judged`);
  };
  return { recorder, records, assertLegal };
}

export interface XdsRig {
  readonly views: Views;
  readonly port: number;
  readonly judge: Judge;
  /** Bytes of responses sent by now, and how many. */
  readonly sent: { readonly bytes: number; readonly responses: number };
  /** These are all services from now on. */
  set(...services: readonly CatalogService[]): void;
  /** Configuration text without registries. */
  configure(config: string): void;
  /** The server goes without a word. */
  stopServer(): Promise<void>;
  /** It goes, and another one takes its place. */
  replaceServer(): Promise<void>;
  bootstrap(options: Pick<BootstrapOptions, "role"> & Partial<BootstrapOptions>): Json;
}

/** `config`: a configuration without registries. */
export async function startXdsRig(config: string, scope: AsyncDisposableStack, env: Partial<XdsServerEnv> = {}): Promise<XdsRig> {
  const port = await freePort();
  const judge = createJudge();
  scope.defer(() => judge.assertLegal());
  const views = createViews({ traffic: configOf(config).traffic, clock: systemClock, log: silentLog });
  scope.defer(() => views.close());
  const sent = { bytes: 0, responses: 0 };
  const response = (_type: string, bytes: number) => {
    sent.bytes += bytes;
    sent.responses++;
  };
  let epoch = 0;
  const serve = async (): Promise<XdsServer> => {
    const server = createXdsServer({
      views,
      proxies: createProxies(systemClock, () => undefined),
      defaults: DEFAULTS,
      epoch: `e${epoch++}`,
      clock: systemClock,
      log: silentLog,
      metrics: { ...SILENT_METRICS, response },
      recorder: judge.recorder,
      ...env,
    });
    const address = { kind: "tcp" as const, host: "127.0.0.1", port };
    await server.listen({ address, tls: undefined, insecure: false }, new AbortController().signal);
    return server;
  };
  let server = await serve();
  scope.defer(() => server.drain(300));
  let version = 0;
  let services: ReadonlyMap<string, CatalogService> = new Map();
  return {
    views,
    port,
    judge,
    sent,
    set(...list) {
      const before = services;
      services = new Map(list.map((one) => [one.id, one]));
      const changed = new Set([...before.keys(), ...services.keys()].filter((id) => before.get(id) !== services.get(id)));
      views.update({ version: ++version, services, changed, sync: "complete" });
    },
    configure: (text) => views.setTraffic(configOf(text).traffic),
    stopServer: () => server.drain(0),
    async replaceServer() {
      await server.drain(0);
      server = await serve();
    },
    bootstrap: (options) =>
      envoyBootstrap({
        name: "test",
        nodeId: `test-${options.role}`,
        hostname: "test",
        ...DEFAULTS,
        locality: locality(),
        inbound: undefined,
        xds: { host: "127.0.0.1", port },
        variant: "delta",
        adminPort: 0,
        tls: undefined,
        ...options,
      }),
  };
}
