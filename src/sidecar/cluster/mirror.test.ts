import assert from "node:assert/strict";
import { test } from "node:test";
import type { Group } from "../../model/group.ts";
import type { Instance } from "../../model/instance.ts";
import { contractGroup } from "../../registry/testing.ts";
import { type MirrorRule, matches, registrationsOf, withoutDoubles } from "./mirror.ts";

const RULE: MirrorRule = { services: ["*/*"], name: "{name}", port: undefined, imports: "skip" };

function group(more: Partial<Instance> = {}, of: Partial<Group> = {}): Group {
  const base = contractGroup("web", [{ address: "10.0.0.1", port: 8080 }], { registry: "r", scope: "web", cluster: "c" });
  return { ...base, ...of, instances: base.instances.map((one) => ({ ...one, ...more })) };
}

test("an instance becomes a registration with the place added to where it has been", () => {
  const labels = { team: "x", "meshbridge-origin": "a,b", "consul.datacenter": "dc1" };
  const locality = { region: "eu", zone: "eu-1", subZone: "" };
  const [one] = registrationsOf([group({ weight: 5, locality, labels, ports: { http: 8080, admin: 9090 } })], RULE, "c");
  assert.deepEqual(one, {
    ...{ id: "10.0.0.1-8080", service: "web", address: "10.0.0.1", port: 8080, ports: { admin: 9090 }, protocol: "http" },
    ...{ servicePort: 80, weight: 5, zone: "eu-1", region: "eu", tags: [], labels: { team: "x" }, traffic: "in" },
    ...{ origin: ["a", "b", "c"], startedAt: 0 },
  });
});

test("what drains is out, what is unhealthy is not there", () => {
  const traffic = (health: Instance["health"]) => registrationsOf([group({ health })], RULE, "c").map((one) => one.traffic);
  assert.deepEqual(
    [traffic("healthy"), traffic("degraded"), traffic("draining"), traffic("unhealthy")],
    [["in"], ["in"], ["out"], []],
  );
});

test("what another sync brought is carried on only when that is asked for; what a Pod registered is no import", () => {
  const of = (owner: string, imports: MirrorRule["imports"]) =>
    registrationsOf([group({ labels: { "meshbridge-owner": owner } })], { ...RULE, imports }, "c").length;
  assert.deepEqual([of("east/sync/sync", "skip"), of("east/sync/sync", "forward"), of("east/shop/web-1/u1", "skip")], [0, 1, 1]);
  assert.deepEqual(
    registrationsOf([group({}, { labels: { "meshbridge.io/imported": "true" } })], { ...RULE, imports: "forward" }, "c"),
    [],
  );
});

test("services by pattern, names by template, a port by name", () => {
  const rule = { ...RULE, services: ["default/w*", "x/y"], name: "{namespace}-{name}" };
  assert.deepEqual(
    registrationsOf([group()], rule, "c").map(({ service }) => service),
    ["default-web"],
  );
  assert.deepEqual(registrationsOf([group()], { ...rule, services: ["default/api"] }, "c"), []);
  assert.deepEqual(registrationsOf([group()], { ...rule, port: "grpc" }, "c"), [], "an instance without that port");
});

test("patterns", () => {
  const cases = [
    ["*/*", "a/b", true],
    ["a/*", "a/b", true],
    ["a/*", "b/a/", false],
    ["a/b*c", "a/bc", true],
    ["a/b*bc", "a/bc", false],
    ["a/b", "a/b", true],
  ];
  for (const [pattern, text, expected] of cases)
    assert.equal(matches(String(pattern), String(text)), expected, `${pattern} ${text}`);
});

test("what a place has by a way as good is not brought there again; of two syncs the same one stays, whoever looks", () => {
  const [mine] = registrationsOf([group({ labels: { "meshbridge-origin": "a" } })], RULE, "b");
  assert.ok(mine);
  const kept = (labels: Record<string, string>, owner = "m") =>
    withoutDoubles([mine], [group({ labels })], { cluster: owner, instance: "sync/sync" }).length;
  const by = (cluster: string, origin: string) => ({ "meshbridge-owner": `${cluster}/sync/sync`, "meshbridge-origin": origin });
  assert.equal(kept({}), 0, "its own");
  assert.equal(kept({ "meshbridge-owner": "east/shop/web-1/u1", "meshbridge-origin": "east" }), 0, "a Pod's");
  assert.deepEqual([kept(by("z", "a")), kept(by("a", "x,y,z"))], [0, 1], "the shorter way");
  assert.deepEqual([kept(by("a", "x,y")), kept(by("z", "x,y"))], [0, 1], "the lesser name");
  assert.equal(kept(by("m", "a")), 1, "our own is no other");
});
