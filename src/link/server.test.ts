import assert from "node:assert/strict";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { createCatalogStore } from "../catalog/store.ts";
import { systemClock } from "../kernel/clock.ts";
import { silentLog } from "../kernel/log.ts";
import { createLinkServer } from "./server.ts";
import { LINK_METHODS } from "./service.ts";

const ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

test("a peer's certificate opens its exports and no other service; who is no peer is not concerned", () => {
  const server = createLinkServer({
    cluster: "c1",
    catalog: createCatalogStore({ registries: [], ruleOf: () => ({ mode: "merge", order: [] }) }),
    clock: systemClock,
    log: silentLog,
    policy: () => ({ peers: [{ name: "c2", identities: ["DNS:bridge.c2.test"] }], exports: [], hopLimit: 1 }),
    registries: () => new Map(),
    sees: () => true,
    nextTurn: async () => undefined,
  });
  const call = (subjectaltname: string) => ({ getAuthContext: () => ({ sslPeerCertificate: { subjectaltname } }) });
  const peer = call("DNS:bridge.c2.test") as Parameters<typeof server.refusal>[1];
  const proxy = call("DNS:gateway.c1.test") as Parameters<typeof server.refusal>[1];
  assert.equal(server.refusal(ADS, peer)?.code, status.PERMISSION_DENIED);
  assert.equal(server.refusal(ADS, proxy), undefined);
  for (const { path } of Object.values(LINK_METHODS)) assert.equal(server.refusal(path, peer), undefined);
});
