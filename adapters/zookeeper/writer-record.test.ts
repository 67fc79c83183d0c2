import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Registration } from "../../src/sidecar/registration.ts";
import { createFormat, type FormatName } from "./formats/index.ts";
import { treeView } from "./formats/testing.ts";
import { foundOf, type Layout, ownerIn, parseContent, recordsOf, WRITTEN_FORMATS, type WrittenFormat } from "./writer-record.ts";

const OWNER = { cluster: "east", instance: "shop/web-1/u1", epoch: 3 };
const REGISTRATION: Registration = {
  ...{ id: "web-1-u1-80", service: "com.acme.Web", address: "10.0.0.1", port: 8080, ports: { https: 8443 }, protocol: undefined },
  ...{ weight: 5, zone: "a", region: "eu", tags: [], labels: { team: "x" }, traffic: "in", origin: ["east"], startedAt: 7 },
};
/** How the adapter reads what is written in each format. */
const READ_AS: Readonly<Record<WrittenFormat, FormatName>> = {
  curator: "services",
  spring: "services",
  dubbo: "dubbo",
  "dubbo-app": "services",
  serverset: "serverset",
  json: "json",
};
const layoutOf = (format: WrittenFormat): Layout => ({ format, root: "/root", fields: {} });

function nodeOf(format: WrittenFormat, registration = REGISTRATION) {
  const [record] = recordsOf(registration, OWNER, layoutOf(format));
  assert.ok(record);
  return { record, node: parseContent(record.content) };
}

for (const format of WRITTEN_FORMATS)
  test(`${format}: the adapter reads what was written, and the owner is found again`, () => {
    const { record, node } = nodeOf(format);
    const fields = { host: "host", port: "port", weight: "weight", zone: "zone", labels: "labels" };
    const options = { metadataRoot: "/dubbo/metadata", protocol: "HTTP", fields } as const;
    const reader = createFormat(READ_AS[format], "/root", options);
    const view = treeView({ [node.path]: node.data });
    const services = reader.units(view).flatMap((unit) => reader.read(unit, view));
    assert.deepEqual(
      services.flatMap(({ rejected }) => rejected),
      [],
    );
    assert.equal(services[0]?.name, "com.acme.Web");
    const [instance] = services.flatMap(({ instances }) => instances);
    assert.equal(instance?.host, "10.0.0.1");
    assert.ok(Object.values(instance.ports).includes(8080), JSON.stringify(instance.ports));
    if (format !== "serverset" && format !== "dubbo-app") assert.equal(instance.weight, 5);
    if (format === "spring" || format === "curator" || format === "json") assert.equal(instance.zone, "a");
    const found = foundOf(node, layoutOf(format), true);
    assert.equal(found.content, record.content);
    assert.equal(found.service, record.service);
    assert.deepEqual(found.owner, OWNER);
  });

test("a node of another session differs, whatever it says", () => {
  for (const format of WRITTEN_FORMATS) {
    const { record, node } = nodeOf(format);
    assert.notEqual(foundOf(node, layoutOf(format), false).content, record.content);
  }
});

test("what is taken out is not there", () => {
  for (const format of WRITTEN_FORMATS)
    assert.deepEqual(recordsOf({ ...REGISTRATION, traffic: "out" }, OWNER, layoutOf(format)), []);
});

test("an IPv6 address is in brackets where it is part of a text", () => {
  const six = { ...REGISTRATION, address: "2001:db8::7" };
  assert.match(decodeURIComponent(nodeOf("dubbo", six).node.path), /dubbo:\/\/\[2001:db8::7\]:8080\/com.acme.Web\?/);
  assert.equal(nodeOf("dubbo-app", six).node.path, "/root/com.acme.Web/[2001:db8::7]:8080");
});

test("json: fields are where the settings say", () => {
  const fields = { host: "endpoint.host", port: "endpoint.port", weight: "w" };
  const [record] = recordsOf(REGISTRATION, OWNER, { format: "json", root: "/root", fields });
  const data = JSON.parse(parseContent(record?.content ?? "").data) as object;
  assert.deepEqual(data, {
    ...{ endpoint: { host: "10.0.0.1", port: 8080 }, w: 5, zone: "a", labels: { team: "x" } },
    meshbridge: { "meshbridge-owner": "east/shop/web-1/u1", "meshbridge-epoch": "3", "meshbridge-origin": "east" },
  });
});

test("whatever a node says, its owner is told without throwing; what is not ours is nobody's of ours", () => {
  for (const format of WRITTEN_FORMATS) {
    fc.assert(
      fc.property(fc.string(), fc.oneof(fc.string(), fc.json()), (name, data) => {
        assert.equal(ownerIn({ path: `/root/web/${name}`, data }, { format }), undefined);
      }),
    );
  }
});
