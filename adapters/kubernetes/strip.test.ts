import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stripService, stripSlice } from "./strip.ts";

const METADATA = { namespace: "shop", name: "web" };

test("of a Service only what is used is kept", () => {
  const kept = stripService({
    metadata: {
      ...METADATA,
      uid: "1",
      managedFields: [{ manager: "kubectl" }],
      labels: { app: "web", odd: 1 },
      annotations: { "meshbridge.io/expose": "true", "kubectl.kubernetes.io/last-applied-configuration": "{}" },
    },
    spec: {
      type: "ClusterIP",
      clusterIP: "None",
      publishNotReadyAddresses: true,
      ports: [{ name: "http", port: 80, protocol: "TCP", appProtocol: "http" }, { port: 70_000 }, "odd"],
    },
    status: { loadBalancer: {} },
  });
  assert.deepEqual(kept, {
    ...METADATA,
    labels: { app: "web" },
    annotations: { "meshbridge.io/expose": "true" },
    type: "ClusterIP",
    headless: true,
    externalName: undefined,
    publishNotReadyAddresses: true,
    trafficDistribution: undefined,
    ports: [{ name: "http", port: 80, transport: "TCP", appProtocol: "http" }],
  });
});

test("conditions that are not there are not false", () => {
  const slice = stripSlice({
    metadata: { ...METADATA, labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: null,
    endpoints: [
      { addresses: ["10.1.0.1", "10.1.0.2"], conditions: { ready: null, serving: false } },
      { addresses: [] },
      { addresses: ["10.1.0.3"], targetRef: { kind: "Pod", name: "web-1" }, hints: { forZones: [{ name: "a" }] } },
    ],
  });
  assert.deepEqual(
    slice?.endpoints.map(({ address, conditions, podName, hintZones }) => ({ address, conditions, podName, hintZones })),
    [
      { address: "10.1.0.1", conditions: { serving: false }, podName: undefined, hintZones: [] },
      { address: "10.1.0.3", conditions: {}, podName: "web-1", hintZones: ["a"] },
    ],
  );
  assert.deepEqual(slice?.ports, []);
});

test("a slice of no Service, such as one that Multi-Cluster Services imported, is none", () => {
  const labels = { "multicluster.kubernetes.io/service-name": "web" };
  assert.equal(stripSlice({ metadata: { ...METADATA, labels }, endpoints: [] }), undefined);
});

test("whatever an object holds, nothing is thrown and every field has its type", () => {
  const odd = fc.oneof(fc.anything(), fc.constant(null), fc.string());
  const object = fc.record({
    metadata: fc.oneof(odd, fc.record({ namespace: fc.string(), name: fc.string(), labels: odd, annotations: odd })),
    spec: fc.oneof(odd, fc.record({ ports: odd, type: odd })),
    endpoints: fc.oneof(odd, fc.array(fc.record({ addresses: odd, conditions: odd, hints: odd, targetRef: odd }))),
    ports: odd,
  });
  fc.assert(
    fc.property(object, (raw) => {
      const service = stripService(raw);
      for (const value of Object.values(service?.labels ?? {})) assert.equal(typeof value, "string");
      for (const { address } of stripSlice(raw)?.endpoints ?? []) assert.equal(typeof address, "string");
    }),
  );
});
