import assert from "node:assert/strict";
import { test } from "node:test";
import type { Group } from "../model/group.ts";
import { createLedger } from "./ledger.ts";
import { AS_THEY_ARE, nameGroup, renderName, TEMPLATE_PATTERN } from "./naming.ts";
import { registrySettings } from "./testing.ts";

const WORDS = { name: "com.acme.Pay", path: "dubbo-eu", namespace: "shop", registry: "zk" };
const names: readonly (readonly [string, string])[] = [
  ["{name}", "com.acme.Pay"],
  ["{path}.{name}", "dubbo-eu.com.acme.Pay"],
  ["{registry}-{namespace}", "zk-shop"],
  ["{name}-{label.group}", "com.acme.Pay-blue"],
  ["{name}-{label.version}", "com.acme.Pay"],
  ["{name}-{datacenter}", "com.acme.Pay"],
  ["{label.version}-{name}", "com.acme.Pay"],
  ["{label.version}-{label.group}.{name}", "blue.com.acme.Pay"],
  ["{name}-{label.version}.{label.group}", "com.acme.Pay-blue"],
  ["zk-{name}", "zk-com.acme.Pay"],
  ["{label.constructor}{name}", "com.acme.Pay"],
];
for (const [template, expected] of names)
  test(`the name by ${template}`, () => {
    assert.equal(renderName(template, { words: WORDS, labels: { group: "blue" } }), expected);
    assert.match(template, new RegExp(TEMPLATE_PATTERN));
  });

test("a name without placeholders of its own is left to the letter", () => {
  assert.equal(renderName("{name}", { words: { name: "-odd..name-" }, labels: {} }), "-odd..name-");
});

const GROUP: Group = {
  source: { registry: "consul-eu", scope: "dc1/Web" },
  service: { namespace: "default", name: "Web" },
  ports: [],
  labels: {},
  instances: [],
  nameWords: { datacenter: "dc1", registry: "forged" },
};

test("a group is named by all its templates, and host names speak of it by its new name", () => {
  const named = nameGroup(GROUP, {
    serviceName: "{name}-{datacenter}",
    serviceNamespace: "{registry}",
    hostNames: ["{name}.{namespace}.example.com", "{name}.{namespace}.example.com"],
  });
  assert.deepEqual(named.service, { namespace: "consul-eu", name: "Web-dc1" });
  assert.deepEqual(named.hosts, ["web-dc1.consul-eu.example.com"]);
  assert.equal("nameWords" in named, false);
});

test("without templates only the words that could have been used are gone", () => {
  const { nameWords: _, ...rest } = GROUP;
  assert.deepEqual(nameGroup(GROUP, AS_THEY_ARE), rest);
});

test("a template that makes no name rejects that service; one that makes no host name only that host name", () => {
  const at = { wall: 0, mono: 0 };
  const event = { type: "group", group: GROUP, evidence: { kind: "authoritative" } } as const;
  const bad = createLedger(registrySettings({ naming: { ...AS_THEY_ARE, serviceName: "-{path}" } }));
  bad.beginRun();
  bad.apply(event, at);
  assert.deepEqual(bad.groups(), []);
  assert.equal(bad.rejected().length, 1);
  const hosts = createLedger(registrySettings({ naming: { ...AS_THEY_ARE, hostNames: ["{name}..", "{name}.x"] } }));
  hosts.beginRun();
  hosts.apply({ ...event, group: { ...GROUP, service: { namespace: "default", name: "a".repeat(64) } } }, at);
  assert.equal(hosts.groups().length, 1);
  assert.deepEqual(
    hosts.rejected().map(({ reason }) => reason),
    ["is no DNS name", "is no DNS name"],
  );
});
