/** The generated code is the judge: a cluster made of a template has the bytes that encoding the whole gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Cluster } from "../../gen/envoy/config/cluster/v3/cluster.ts";
import { propertyRuns } from "../../kernel/property-runs.ts";
import { PROTOCOLS } from "../../model/service.ts";
import { DEFAULT_POLICY, LOAD_BALANCERS, type ServicePolicy } from "../../routing/policy.ts";
import { type ClusterInput, clusterResource, envoyCluster } from "./clusters.ts";

const ms = fc.constantFrom(0, 1, 2000, 90_000);
const count = fc.constantFrom(undefined, 0, 1, 2 ** 32 - 1);
const outlierDetection = fc.record({
  consecutive5xx: fc.nat(10),
  consecutiveGatewayFailure: count,
  intervalMs: ms,
  baseEjectionMs: ms,
  maxEjectionPercent: fc.nat(100),
});
const circuitBreaker = fc.record({ maxConnections: count, maxPendingRequests: count, maxRequests: count, maxRetries: count });
const probe = fc.record({
  path: fc.constantFrom(undefined, "/healthz"),
  intervalMs: ms,
  timeoutMs: ms,
  unhealthyThreshold: fc.nat(5),
  healthyThreshold: fc.nat(5),
  all: fc.boolean(),
});
const policy: fc.Arbitrary<ServicePolicy> = fc.record({
  ...Object.fromEntries(Object.entries(DEFAULT_POLICY).map(([key, value]) => [key, fc.constant(value)])),
  loadBalancer: fc.constantFrom(...LOAD_BALANCERS),
  connectTimeoutMs: ms,
  deadAfterMs: ms,
  panicThreshold: fc.nat(100),
  outlierDetection: fc.option(outlierDetection, { nil: undefined }),
  circuitBreaker: fc.option(circuitBreaker, { nil: undefined }),
  probe: fc.option(probe, { nil: undefined }),
}) as fc.Arbitrary<ServicePolicy>;

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 70 }),
  fc.constantFrom("", "checkout", "shop.example:80", "ü", "a".repeat(130)),
);
const named = fc.record({ namespace: text, name: text, port: text, given: fc.option(text, { nil: undefined }) });

test("property: clusters of one policy have the bytes that encoding each as a whole gives", () => {
  const roles = fc.constantFrom("gateway" as const, "sidecar" as const, "eastWest" as const);
  const protocols = fc.constantFrom(...PROTOCOLS);
  const clusters = fc.array(fc.tuple(named, roles, protocols), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(policy, clusters, (shared, all) => {
      for (const [{ namespace, name, port, given }, role, protocol] of all) {
        const service = { namespace, name };
        const servicePort = { name: port, port: 80, protocol, inferred: false };
        const input: ClusterInput = { service, port: servicePort, policy: shared, role, name: given, mtls: undefined };
        const made = clusterResource(input);
        const whole = envoyCluster(input, made.name);
        assert.deepEqual(Buffer.from(made.body), Buffer.from(Cluster.encode(whole).finish()));
      }
    }),
    { numRuns: propertyRuns(200) },
  );
});

test("a policy's clusters are not encoded as a whole again", (t) => {
  const encode = t.mock.method(Cluster, "encode");
  const own: ServicePolicy = { ...DEFAULT_POLICY };
  const port = { name: "http", port: 80, protocol: "HTTP", inferred: false } as const;
  const make = (name: string) =>
    clusterResource({ service: { namespace: "default", name }, port, policy: own, role: "sidecar", mtls: undefined });
  make("a");
  const first = encode.mock.callCount();
  make("b");
  assert.equal(encode.mock.callCount(), first);
});
