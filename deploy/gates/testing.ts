/** For tests: a bridge that answers from a table, and Pods as a cluster would show them. */
import type { JsonObject } from "../json/value.ts";
import type { BridgeAnswer, BridgeHttp, BridgeRequest } from "./bridge-http.ts";

export interface FakeBridge extends BridgeHttp {
  readonly asked: readonly BridgeRequest[];
  /** By path without its query; undefined: no answer at all. */
  answer(path: string, answer: { readonly status?: number; readonly body: unknown } | undefined): void;
}

export const NOW = Date.UTC(2026, 0, 1, 12);
export const NOT_FOUND = { status: 404, body: { code: "MB_NOT_FOUND", detail: "there is no such thing" } };

export function fakeBridge(
  answers: Readonly<Record<string, { readonly status?: number; readonly body: unknown }>> = {},
): FakeBridge {
  const table = new Map<string, { readonly status?: number; readonly body: unknown } | undefined>(Object.entries(answers));
  const asked: BridgeRequest[] = [];
  return {
    address: "http://bridge",
    asked,
    answer: (path, answer) => void table.set(path, answer),
    async ask(request): Promise<BridgeAnswer> {
      asked.push(request);
      const path = request.path.split("?", 1)[0] ?? "";
      const found = table.has(path) ? table.get(path) : NOT_FOUND;
      if (found === undefined) return { unknown: "http://bridge gave no answer" };
      return { status: found.status ?? 200, body: found.body, answeredAt: NOW };
    },
  };
}

export interface Fact {
  readonly address: string;
  readonly health?: string;
  readonly cluster?: string;
  readonly evidence?: string;
}

/** A bridge whose registries are live, with one service `shop/web` and one client that has everything. */
export function bridgeWith(...instances: readonly Fact[]): FakeBridge {
  return fakeBridge({
    "/v1/registries": { body: { items: [{ name: "consul", state: "live", parts: [] }] } },
    "/v1/services/shop/web": { body: serviceBody(instances) },
    "/v1/services/shop/web/acks": { body: acksBody() },
  });
}

export function serviceBody(instances: readonly Fact[], catalogVersion = 7): object {
  const source = { registry: "consul", scope: "dc1/web" };
  const one = (fact: Fact) => ({ health: "healthy", cluster: "c1", evidence: "authoritative", ...fact });
  return {
    catalogVersion,
    instances: instances.map((fact, index) => ({ id: `i${index}`, ports: { http: 80 }, source, ...one(fact) })),
  };
}

export function acksBody(parts: object = {}): object {
  return {
    catalogVersion: 7,
    servedVersion: 7,
    bridgeStarted: new Date(NOW - 3_600_000).toISOString(),
    proxies: [{ id: "edge-1", status: "acked" }],
    ...parts,
  };
}

export interface PodParts {
  readonly owner: string;
  readonly ip?: string;
  readonly ready?: boolean;
  readonly leaving?: boolean;
  readonly born?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export function pod(
  name: string,
  { owner, ip, ready = true, leaving = false, born = "2026-01-01T00:00:00Z", labels = {} }: PodParts,
): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "shop",
      uid: `uid-${name}`,
      creationTimestamp: born,
      labels,
      ownerReferences: [{ uid: owner, controller: true }],
      ...(leaving && { deletionTimestamp: "2026-01-01T00:01:00Z" }),
    },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      ...(ip !== undefined && { podIP: ip, podIPs: [{ ip }] }),
    },
  };
}

const REVISION = "deployment.kubernetes.io/revision";

export function deployment(
  parts: { readonly revision?: string; readonly observed?: number; readonly replicas?: number } = {},
): JsonObject {
  const { revision = "2", observed = 3, replicas = 2 } = parts;
  const annotations = { [REVISION]: revision };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "shop", uid: "dep", generation: 3, annotations },
    spec: { replicas },
    status: { observedGeneration: observed },
  };
}

export function replicaSet(uid: string, revision: string): JsonObject {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: uid,
      namespace: "shop",
      uid,
      annotations: { [REVISION]: revision },
      ownerReferences: [{ uid: "dep", controller: true }],
    },
  };
}
