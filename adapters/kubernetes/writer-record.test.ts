import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Registration } from "../../src/sidecar/registration.ts";
import { objectName, parseKey } from "./writer-marks.ts";
import { foundOf, objectOf, recordsOf } from "./writer-record.ts";

const OWNER = { cluster: "east", instance: "sync/sync", epoch: 7 };
const REGISTRATION: Registration = {
  ...{ id: "10.0.0.1-8080", service: "com.acme.Web", address: "10.0.0.1", port: 8080, ports: {}, protocol: "grpc", weight: 5 },
  ...{ servicePort: 80, zone: "a", region: "eu", tags: [], labels: {}, traffic: "in", origin: ["consul"], startedAt: 0 },
};

test("what is applied is found again as the same, with its owner; what a server adds is no difference", () => {
  for (const more of [{}, { traffic: "out" as const }, { zone: undefined, protocol: undefined }, { address: "2001:db8::1" }]) {
    const records = recordsOf({ ...REGISTRATION, ...more }, OWNER, "shop");
    assert.equal(records.length, 2);
    for (const record of records) {
      const object = objectOf(record) as { metadata: object; spec?: object };
      const server = { resourceVersion: "12", uid: "u", generation: 3 };
      const spec = object.spec === undefined ? {} : { spec: { ...object.spec, clusterIP: "10.96.0.7", sessionAffinity: "None" } };
      const found = foundOf(parseKey(record.key).kind, { ...object, ...spec, metadata: { ...object.metadata, ...server } });
      assert.equal(found?.record.content, record.content);
      assert.deepEqual([found.record.owner, found.record.service, found.record.key], [OWNER, "com.acme.Web", record.key]);
    }
  }
});

test("a Service is dialled by the service's port, its slice by the instance's", () => {
  const [service, slice] = recordsOf(REGISTRATION, OWNER, "shop").map((record) => JSON.stringify(objectOf(record)));
  assert.match(service ?? "", /"ports":\[\{"name":"main","port":80,"protocol":"TCP","appProtocol":"kubernetes.io\/h2c"\}\]/);
  assert.match(slice ?? "", /"ports":\[\{"name":"main","port":8080/);
  assert.deepEqual(
    recordsOf({ ...REGISTRATION, address: "db.example" }, OWNER, "shop"),
    [],
    "names are nothing a slice can hold",
  );
});

test("names: as they are where they may be so; else changed, and never two to one", () => {
  assert.equal(objectName("web"), "web");
  assert.match(objectName("com.acme.Web"), /^com-acme-web-[0-9a-f]{8}$/);
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, two) => {
      assert.match(objectName(one), /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
      if (one !== two) assert.notEqual(objectName(one), objectName(two));
    }),
  );
});

test("what a POST of ours has set is to become an apply's, once; what others have set is left to them", () => {
  const adoption = (...managedFields: readonly object[]) =>
    foundOf("Service", { metadata: { namespace: "a", name: "b", resourceVersion: "1", uid: "u", managedFields } })?.adoption;
  const [other, posted] = [
    { manager: "kubectl", operation: "Update" },
    { manager: "meshbridge-sidecar", operation: "Update" },
  ];
  const applied = { ...posted, operation: "Apply" };
  assert.deepEqual(adoption(other, posted), { op: "replace", path: "/metadata/managedFields/1/operation", value: "Apply" });
  assert.deepEqual(adoption(applied, posted), { op: "remove", path: "/metadata/managedFields/1" });
  assert.deepEqual([adoption(), adoption(other, applied)], [undefined, undefined]);
});

test("whatever an API server answers, nothing is thrown, and what says of no owner is nobody's of ours", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (raw) => {
      assert.equal(foundOf("Service", raw)?.record.owner, undefined);
      assert.equal(foundOf("EndpointSlice", raw)?.record.owner, undefined);
    }),
  );
});
