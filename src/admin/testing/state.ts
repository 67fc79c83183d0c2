/** For tests: a bridge's state that stands still, with one of everything the admin API can show. */
import { type Drain, sameDrain } from "../../catalog/drains.ts";
import type { CatalogInstance, CatalogService } from "../../catalog/types.ts";
import { fakeClock } from "../../kernel/fake-clock.ts";
import { locality, UNKNOWN_LOCALITY } from "../../model/locality.ts";
import { serviceId } from "../../model/service.ts";
import type { RegistryStatus } from "../../registry/status.ts";
import type { Client } from "../../routing/client.ts";
import { DEFAULT_POLICY, type ServicePolicy } from "../../routing/policy.ts";
import { FLAT, NO_NETWORKS } from "../../routing/topology.ts";
import type { ProxyStatus, ProxyTypeStatus } from "../../xds/proxy-status.ts";
import { shortType, TYPE_URL } from "../../xds/types.ts";
import { createEventLog } from "../events.ts";
import type { BridgeState, Drains } from "../state.ts";

/** 2026-11-24T12:00:00Z. */
export const TEST_NOW = Date.UTC(2026, 10, 24, 12);
const EU_A = locality({ region: "eu", zone: "a" });

export function instance(id: string, parts: Partial<CatalogInstance> = {}): CatalogInstance {
  return {
    id,
    source: { registry: "local", scope: "services.yaml/default/web" },
    address: "10.0.0.1",
    ports: { http: 9001 },
    locality: EU_A,
    cluster: "c1",
    network: "default",
    health: "healthy",
    weight: 1,
    labels: {},
    ...parts,
  };
}

export function service(namespace: string, name: string, instances: readonly CatalogInstance[]): CatalogService {
  const key = { namespace, name };
  return {
    id: serviceId(key),
    key,
    ports: [
      { name: "admin", port: 9090, protocol: "TCP", inferred: true },
      { name: "http", port: 80, protocol: "HTTP", inferred: false },
    ],
    labels: { team: "shop" },
    instances,
    sources: [...new Map(instances.map(({ source }) => [source.registry, source])).values()],
    conditions: [],
  };
}

export const CLIENT: Client = {
  role: "gateway",
  gateway: "edge",
  cluster: "c1",
  network: "default",
  locality: EU_A,
  namespace: "default",
  inbound: undefined,
};

/** Of a proxy that has everything up to seq 5, unless the parts say otherwise. */
export function typeStatus(typeUrl: string, parts: Partial<ProxyTypeStatus> = {}): ProxyTypeStatus {
  return {
    typeUrl,
    type: shortType(typeUrl),
    status: "SYNCED",
    wildcard: false,
    names: 1,
    subscribed: new Set(["default/web/http"]),
    sentSeq: 5,
    ackedSeq: 5,
    sentAt: TEST_NOW - 2000,
    ackedAt: TEST_NOW - 1990,
    nacks: 0,
    lastNack: undefined,
    ...parts,
  };
}

export function proxy(id: string, parts: Partial<ProxyStatus> = {}): ProxyStatus {
  return {
    id,
    nodeId: id,
    nodeCluster: "edge",
    agent: "envoy 1.40.0",
    client: CLIENT,
    view: "edge-view",
    peer: "127.0.0.1:40000",
    variant: "delta",
    connectedAt: TEST_NOW - 60_000,
    types: Object.values(TYPE_URL).map((typeUrl) => typeStatus(typeUrl)),
    ...parts,
  };
}

export function registry(name: string, parts: Partial<RegistryStatus> = {}): RegistryStatus {
  return {
    name,
    kind: "consul",
    state: "live",
    suspectReason: undefined,
    lastSyncAt: TEST_NOW - 5000,
    ageMs: 5000,
    staleness: "fresh",
    services: 1,
    instances: 2,
    held: 0,
    rejected: 0,
    events: 7,
    lastError: undefined,
    nextRetryAt: undefined,
    parts: [],
    ...parts,
  };
}

const POLICY: ServicePolicy = {
  ...DEFAULT_POLICY,
  match: "default/*",
  loadBalancer: "leastRequest",
  connectTimeoutMs: 5000,
  deadAfterMs: 0,
  panicThreshold: 50,
};

const consul = { registry: "consul-eu", scope: "dc1/web" };
const hold = { reason: "acl-filtered", since: TEST_NOW - 90_000 } as const;

const SERVICES = [
  service("shop", "cart", []),
  service("default", "web", [
    instance("web-1"),
    instance("web-2", { address: "10.0.0.2", source: consul, hold, locality: locality({ region: "eu", zone: "b" }) }),
    instance("web-3", { address: "10.9.0.3", source: consul, network: "other", labels: { version: "v2" } }),
  ]),
];

const LOST = {
  code: "MB_REGISTRY_UNREACHABLE",
  message: "MB_REGISTRY_UNREACHABLE: registry zk did not answer",
  next: "nothing is removed",
  at: TEST_NOW - 1000,
};

const part = { suspectReason: undefined, ageMs: 5000, staleness: "fresh", lastError: undefined } as const;
const PARTS: RegistryStatus["parts"] = [
  { ...part, name: "dc1", state: "live" },
  { ...part, name: "dc2", state: "suspect", suspectReason: "acl-filtered" },
];
/** Drains that last as long as the state. */
export function testDrains(initial: readonly Drain[] = []): Drains {
  let drains = initial;
  return {
    durable: true,
    now: () => TEST_NOW,
    list: () => drains,
    set: async (drain) => {
      drains = [...drains.filter((one) => !sameDrain(one, drain)), drain];
    },
    remove: async (key) => {
      const before = drains.length;
      drains = drains.filter((one) => !sameDrain(one, key));
      return drains.length < before;
    },
  };
}

/** The state, with the given parts in place of its own. */
export function testState(parts: Partial<BridgeState> = {}): BridgeState {
  const levels = { now: "info" };
  return {
    version: () => ({ version: "1.2.3", node: "24.0.0", startedAt: TEST_NOW - 3_600_000 }),
    catalog: () => ({ version: 42, sync: "complete", services: new Map(SERVICES.map((one) => [one.id, one])) }),
    servedVersion: () => 42,
    drains: testDrains(),
    links: () => ({ cluster: "c1", peers: [], readers: [], peerOf: new Map() }),
    dns: { zones: () => [], explain: () => undefined },
    registries: () => [
      registry("zk", { state: "stale", lastSyncAt: undefined, ageMs: undefined, lastError: LOST, nextRetryAt: TEST_NOW + 4000 }),
      registry("consul-eu", { state: "suspect", suspectReason: "acl-filtered", held: 1, rejected: 1, parts: PARTS }),
      registry("local", { kind: "file" }),
    ],
    rejected: () => [
      { source: consul, service: "default/web", record: "web-9", reason: "port 70000 is not between 1 and 65535" },
      { source: consul, service: "default/ghost", record: "ghost-1", reason: "address 127.0.0.1 is loopback" },
    ],
    held: () => [
      { source: consul, service: "default/web", instance: "web-2", address: "10.0.0.2", hold, endsInMs: undefined },
      {
        source: { registry: "local", scope: "api" },
        service: "default/api",
        instance: "api-1",
        address: "10.0.0.9",
        hold: { reason: "mass-drop", since: TEST_NOW - 30_000 },
        endsInMs: 90_000,
      },
    ],
    releaseHolds: (registry) => (registry === "consul-eu" ? 1 : undefined),
    proxies: () => [proxy("gateway-edge-1"), proxy("gateway-edge-1#2", { variant: "sotw" })],
    loads: () => [
      {
        cluster: "default/web/http",
        locality: locality({ region: "eu", zone: "a" }),
        issued: 12,
        succeeded: 10,
        failed: 1,
        inProgress: 1,
      },
    ],
    droppedRequests: () => new Map([["default/web/http", 3]]),
    resourceSeq: (_view, typeUrl, name) => (typeUrl === TYPE_URL.endpoint && name === "default/web/http" ? 5 : undefined),
    dump: (view) =>
      view === "edge-view"
        ? [
            { type: "clusters", name: "default/web/http", version: "a1", resource: { name: "default/web/http", type: "EDS" } },
            { type: "endpoints", name: "default/web/http", version: "b2", resource: { clusterName: "default/web/http" } },
          ]
        : undefined,
    traffic: () => ({
      domain: "mesh.local",
      gateways: [],
      sidecar: { outbound: { address: "127.0.0.1", port: 15001 } },
      ...NO_NETWORKS,
      topology: FLAT,
      policyOf: () => POLICY,
    }),
    conditions: () => [
      {
        view: "edge-view",
        role: "gateway",
        gateway: "edge",
        conditions: [{ type: "UnknownService", reason: "NotInCatalog", message: "default/nope is in no registry" }],
      },
      { view: "quiet-view", role: "sidecar", gateway: "", conditions: [] },
    ],
    config: () => ({
      file: "/etc/meshbridge.yaml",
      effective: { registries: [{ name: "consul-eu", token: "[secret]" }] },
      reload: {
        ok: false,
        at: TEST_NOW - 10_000,
        error: { code: "MB_CONFIG_INVALID", message: "line 3", next: "correct the lines" },
        restartNeeded: ["xds.listen"],
      },
    }),
    checks: () => [
      { name: "registry local", ok: true, message: "live" },
      { name: "catalog", ok: true, message: "served (complete)" },
    ],
    logLevel: () => levels.now,
    setLogLevel: (level) => {
      levels.now = level;
    },
    metrics: async () => ({ contentType: "text/plain; version=0.0.4; charset=utf-8", text: "meshbridge_build_info 1\n" }),
    neutralClient: () => ({ ...CLIENT, role: "sidecar", gateway: "", locality: UNKNOWN_LOCALITY }),
    events: createEventLog(fakeClock(TEST_NOW)),
    ...parts,
  };
}
