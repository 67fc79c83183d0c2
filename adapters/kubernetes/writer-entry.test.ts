import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkSchema } from "../../src/kernel/schema-check.ts";
import { plan } from "../../src/sidecar/plan/plan.ts";
import type { Registration } from "../../src/sidecar/registration.ts";
import { KubernetesWriterSettings } from "./writer-connect.ts";
import { entriesOf, entryObjectOf, foundEntry } from "./writer-entry.ts";

const OWNER = { cluster: "east", instance: "sync/sync", epoch: 7 };
const SETTINGS = { namespace: "shop", hosts: ["{service}.consul.internal"], location: "MESH_EXTERNAL" } as const;
const SERVER = { resourceVersion: "12", uid: "u", generation: 3 };

function registration(more: Partial<Registration> = {}): Registration {
  return {
    ...{ id: "10.0.0.1-8080", service: "web", address: "10.0.0.1", port: 8080, ports: { admin: 9090 }, protocol: "grpc" },
    ...{ servicePort: 80, weight: 5, zone: "a", region: "eu", tags: [], labels: {}, traffic: "in", origin: ["consul"] },
    ...{ startedAt: 0, ...more },
  };
}

function objectsOf(...registrations: readonly Registration[]) {
  return entriesOf(registrations, OWNER, SETTINGS).map((record) => entryObjectOf(record) as { metadata: object; spec: object });
}

test("a service becomes one ServiceEntry, its instances the endpoints of it", () => {
  const two = registration({ id: "2", address: "10.0.0.2", port: 9000, zone: undefined, labels: { team: "x", "bad key": "y" } });
  const three = registration({ id: "3", address: "2001:db8::1", region: undefined });
  assert.deepEqual(objectsOf(three, two, registration()), [
    {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: {
        namespace: "shop",
        name: "web-b713f0bd",
        labels: { "meshbridge.io/imported": "true", "app.kubernetes.io/managed-by": "meshbridge" },
        annotations: {
          "meshbridge.io/owner": "east/sync/sync",
          "meshbridge.io/epoch": "7",
          "meshbridge.io/origin": "consul",
          "meshbridge.io/service": "web",
        },
      },
      spec: {
        hosts: ["web.consul.internal"],
        location: "MESH_EXTERNAL",
        resolution: "STATIC",
        ports: [{ number: 80, name: "main", protocol: "GRPC" }],
        endpoints: [
          { address: "10.0.0.1", ports: { main: 8080 }, weight: 5, locality: "eu/a" },
          { address: "10.0.0.2", ports: { main: 9000 }, weight: 5, labels: { team: "x" }, locality: "eu" },
          { address: "2001:db8::1", ports: { main: 8080 }, weight: 5 },
        ],
      },
    },
  ]);
});

test("what drains is left out, what has a name for an address too; without any endpoint there is no entry", () => {
  const out = registration({ id: "2", address: "10.0.0.2", traffic: "out" });
  assert.match(
    JSON.stringify(objectsOf(out, registration())),
    /"endpoints":\[\{"address":"10.0.0.1"[^{]*\{"main":8080\}[^{]*\}\]/,
  );
  assert.deepEqual(objectsOf(out, registration({ address: "db.example" })), []);
});

test("hosts: a DNS name stays, what is none has a hash; protocols that a ServiceEntry does not know are TCP", () => {
  const spec = (more: Partial<Registration>) => {
    const spec = objectsOf(registration(more))[0]?.spec as { hosts: string[]; ports: { protocol: string }[] } | undefined;
    return [spec?.hosts[0], spec?.ports[0]?.protocol];
  };
  assert.deepEqual(spec({ service: "com.acme.web", protocol: "http2" }), ["com.acme.web.consul.internal", "HTTP2"]);
  const [host, protocol] = spec({ service: "com.acme.Web", protocol: "dubbo" });
  assert.match(host ?? "", /^com-acme-web-[0-9a-f]{8}\.consul\.internal$/);
  assert.equal(protocol, "TCP");
  assert.equal(spec({ protocol: undefined })[1], "TCP");
});

test("one service by two ways is two entries of one host, so that what may not come back is told apart from what may", () => {
  const [native, forwarded] = [registration(), registration({ id: "2", address: "10.0.0.2", origin: ["east", "consul"] })];
  const records = entriesOf([native, forwarded], OWNER, SETTINGS);
  assert.equal(new Set(records.map(({ key }) => key)).size, 2);
  const { changes, withheld } = plan({ synced: true, records }, { place: "east", records: [] }, OWNER);
  assert.deepEqual([changes.length, withheld.map(({ reason }) => reason)], [1, ["loop"]]);
});

test("what is applied is found again as the same, in whatever order it came; what a server adds is no difference", () => {
  const some = [
    ...[registration(), registration({ id: "2", address: "10.0.0.2", labels: { b: "1", a: "2", "7": "3" }, region: undefined })],
    registration({ id: "again" }),
  ];
  const [record, ...more] = entriesOf(some, OWNER, SETTINGS);
  assert.ok(record);
  assert.deepEqual(more, []);
  assert.deepEqual(entriesOf(some.toReversed(), OWNER, SETTINGS), [record]);
  const object = entryObjectOf(record) as { metadata: object };
  const found = foundEntry({ ...object, status: {}, metadata: { ...object.metadata, ...SERVER } });
  assert.equal(found?.record.content, record.content);
  assert.deepEqual([found.record.owner, found.record.service, found.record.key], [OWNER, "web", record.key]);
  const { changes, withheld } = plan({ synced: true, records: [record] }, { place: "k", records: [found.record] }, OWNER);
  assert.deepEqual([changes, withheld], [[], []]);
  const later = { ...found.record, owner: { ...OWNER, epoch: 8 }, content: "" };
  assert.equal(
    plan({ synced: true, records: [record] }, { place: "k", records: [later] }, OWNER).withheld[0]?.reason,
    "superseded",
  );
});

test("whatever an API server answers, nothing is thrown, and what says of no owner is nobody's of ours", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (spec) => {
      assert.equal(foundEntry(spec)?.record.owner, undefined);
      assert.equal(foundEntry({ metadata: { name: "a", namespace: "b", ...SERVER }, spec })?.record.owner, undefined);
    }),
  );
});

test("settings: a host without {service} would be that of all services", () => {
  const faults = (serviceEntry: object) => checkSchema(KubernetesWriterSettings, { serviceEntry }).length;
  assert.deepEqual([faults({}), faults({ hosts: ["a.{service}.b"] }), faults({ location: "MESH_INTERNAL" })], [0, 0, 0]);
  assert.deepEqual(
    [faults({ hosts: ["web.internal"] }), faults({ hosts: ["{service}.A"] }), faults({ location: "x" })],
    [1, 1, 1],
  );
});
