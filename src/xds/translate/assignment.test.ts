/** The generated code is the judge: the bytes written by hand are its bytes, whatever is said and however hostile. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HealthStatus } from "../../gen/envoy/config/core/v3/health_check.ts";
import { ClusterLoadAssignment } from "../../gen/envoy/config/endpoint/v3/endpoint.ts";
import { propertyRuns } from "../../kernel/property-runs.ts";
import { HEALTH } from "../../model/health.ts";
import { UNKNOWN_LOCALITY } from "../../model/locality.ts";
import { type AssignedEndpoint, type Assignment, encodeAssignment } from "./assignment.ts";
import { socketAddress } from "./common.ts";

/** Endpoint and locality stand for what `fromPartial` makes of them. */
function generated({ name, localities, overprovisioning }: Assignment): ClusterLoadAssignment {
  return ClusterLoadAssignment.fromPartial({
    clusterName: name,
    endpoints: localities.map(({ priority, locality, weight, endpoints }) => ({
      priority,
      locality: { ...locality },
      loadBalancingWeight: weight,
      lbEndpoints: endpoints.map((endpoint) => ({
        hostIdentifier: {
          $case: "endpoint" as const,
          value: {
            address: socketAddress(endpoint.address, endpoint.port),
            hostname: endpoint.hostname,
            ...(endpoint.unchecked && { healthCheckConfig: { disableActiveHealthCheck: true } }),
          },
        },
        healthStatus: HealthStatus[endpoint.health.toUpperCase() as keyof typeof HealthStatus],
        loadBalancingWeight: endpoint.weight,
        ...(endpoint.metadata !== undefined && { metadata: { filterMetadata: structuredClone({ ...endpoint.metadata }) } }),
      })),
    })),
    ...(overprovisioning !== undefined && { policy: { overprovisioningFactor: overprovisioning } }),
  });
}

function assertSame(assignment: Assignment): void {
  const bytes = encodeAssignment(assignment);
  const oracle = generated(assignment);
  assert.deepEqual(Buffer.from(bytes), Buffer.from(ClusterLoadAssignment.encode(oracle).finish()));
  assert.deepEqual(
    ClusterLoadAssignment.decode(bytes),
    ClusterLoadAssignment.decode(ClusterLoadAssignment.encode(oracle).finish()),
  );
}

const halves = fc.array(fc.nat(0xffff), { maxLength: 5 }).map((units) => String.fromCharCode(...units));
/** Names as they should be, any characters, halves of surrogate pairs, and what needs longer lengths. */
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 70 }),
  halves,
  fc.constantFrom("", "checkout", "a".repeat(127), "a".repeat(128), "ü".repeat(64), "€".repeat(5462), `${"a".repeat(16383)}😀`),
);
const uint32 = fc.oneof(
  fc.constantFrom(0, 1, 127, 128, 16383, 16384, 2 ** 21, 2 ** 28, 2 ** 31, 2 ** 32 - 1),
  fc.nat(2 ** 32 - 1),
);
const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant(""));
const ofInstance = fc.record({ registry: text, scope: text, instance: text, cluster: text });
const ofGateway = fc.record({ network: text, gateway: text, clusters: fc.array(text, { maxLength: 3 }), instances: fc.nat() });
const provenance = fc.oneof(ofInstance, ofGateway);
const metadata = fc.oneof(
  fc.constant(undefined),
  fc.record({ "meshbridge.io": provenance }),
  fc.record({ "meshbridge.io": provenance, "envoy.transport_socket_match": fc.record({ trustDomain: text }) }),
);
const endpoint: fc.Arbitrary<AssignedEndpoint> = fc.record({
  address,
  port: uint32,
  health: fc.constantFrom(...HEALTH),
  weight: uint32,
  hostname: text,
  unchecked: fc.boolean(),
  metadata,
});
const place = fc.record({ region: text, zone: text, subZone: text });
const group = fc.record({
  priority: uint32,
  locality: fc.oneof(fc.constant(UNKNOWN_LOCALITY), place),
  weight: uint32,
  endpoints: fc.array(endpoint, { maxLength: 4 }),
});
const assignments: fc.Arbitrary<Assignment> = fc.record({
  name: text,
  localities: fc.array(group, { maxLength: 4 }),
  overprovisioning: fc.oneof(fc.constant(undefined), uint32),
});

test("property: the bytes are those of the generated encoder", () => {
  fc.assert(fc.property(assignments, assertSame), { numRuns: propertyRuns(300) });
});

const PLAIN: AssignedEndpoint = {
  address: "10.0.0.1",
  port: 8080,
  health: "healthy",
  weight: 1,
  hostname: "",
  unchecked: false,
  metadata: { "meshbridge.io": { registry: "consul", scope: "dc1/checkout", instance: "checkout-1", cluster: "c1" } },
};

const of = (endpoints: readonly AssignedEndpoint[]): Assignment => ({
  name: "default/checkout/http",
  localities: [{ priority: 0, locality: UNKNOWN_LOCALITY, weight: endpoints.length, endpoints }],
  overprovisioning: 140,
});

test("an empty assignment, and one of more endpoints than the memory kept for the next has room for", () => {
  assertSame({ name: "", localities: [], overprovisioning: undefined });
  assertSame(of(Array.from({ length: 20_000 }, (_, index) => ({ ...PLAIN, address: `fd00::${index.toString(16)}` }))));
  assertSame(of([PLAIN]));
});

test("what was made before stays as it is when the next is made", () => {
  const first = encodeAssignment(of([PLAIN]));
  const copy = Buffer.from(first);
  encodeAssignment(of([{ ...PLAIN, address: "10.0.0.2" }]));
  assert.deepEqual(Buffer.from(first), copy);
});

test("a weight that cannot be said is refused, and leaves nothing behind", () => {
  const before = Buffer.from(encodeAssignment(of([PLAIN])));
  for (const weight of [-1, 0.5, 2 ** 32, Number.NaN])
    assert.throws(() => encodeAssignment(of([PLAIN, { ...PLAIN, weight }, PLAIN])), RangeError);
  assert.deepEqual(Buffer.from(encodeAssignment(of([PLAIN]))), before);
});
