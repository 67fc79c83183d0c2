import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mergeService } from "../catalog/merge.ts";
import type { CatalogService } from "../catalog/types.ts";
import { AUTHORITATIVE, suspect } from "../model/evidence.ts";
import type { Group } from "../model/group.ts";
import type { Instance } from "../model/instance.ts";
import { UNKNOWN_LOCALITY } from "../model/locality.ts";
import { type ExportContext, exportedGroups, type RegistryStanding } from "./exported.ts";
import { decodeGroup, encodeGroup } from "./wire.ts";

const KEY = { namespace: "shop", name: "web" };
const LIVE: RegistryStanding = { link: false, synced: true, current: true, evidence: AUTHORITATIVE };

function instance(address: string, fields: Partial<Instance> = {}): Instance {
  const place = { locality: UNKNOWN_LOCALITY, cluster: "a", network: "default" };
  return { id: address, address, ports: { http: 80 }, ...place, health: "healthy", weight: 1, labels: {}, ...fields };
}

function local(instances: readonly Instance[]): Group {
  const ports = [{ name: "http", port: 80, protocol: "HTTP" as const, inferred: false }];
  return { source: { registry: "local", scope: "web" }, service: KEY, ports, labels: {}, instances };
}

function serviceOf(groups: readonly Group[]): CatalogService {
  const registries = [...new Set(groups.map(({ source }) => source.registry))];
  const service = mergeService(KEY, groups, { registries, rule: { mode: "merge", order: [] } });
  assert.ok(service);
  return service;
}

function context(fields: Partial<ExportContext> = {}): ExportContext {
  const policy = { peers: [], exports: [{ match: "shop/*", to: ["b"], local: false }], hopLimit: 1 };
  return { cluster: "a", peer: "b", policy, registries: new Map([["local", LIVE]]), ...fields };
}

test("nothing is exported but what a rule names, to whom it names", () => {
  const service = serviceOf([local([instance("10.0.0.1")])]);
  assert.equal(exportedGroups(service, context()).length, 1);
  assert.deepEqual(exportedGroups(service, context({ peer: "c" })), []);
  const none = { peers: [], exports: [], hopLimit: 16 };
  assert.deepEqual(exportedGroups(service, context({ policy: none })), []);
});

test("what is held or stale here is degraded there, and a doubt about one source is a doubt about the group", () => {
  const held = instance("10.0.0.1", { hold: { reason: "mass-drop", since: 1 } });
  const registries = new Map([["local", { ...LIVE, evidence: suspect("no-leader") }]]);
  const [group] = exportedGroups(serviceOf([local([held, instance("10.0.0.2")])]), context({ registries }));
  assert.deepEqual(
    group?.group.instances.map(({ health }) => health),
    ["degraded", "healthy"],
  );
  assert.deepEqual(group?.evidence, suspect("no-leader"));
});

/** Bridges that read each other by these links, round after round until nothing changes. */
function settle(links: readonly (readonly [reader: string, of: string])[], hopLimit: number) {
  const bridges = [...new Set(links.flat())].sort();
  const read = new Map<string, Group[]>(bridges.map((name) => [name, [local([instance("10.0.0.1", { cluster: name })])]]));
  const policy = { peers: [], exports: [{ match: "*", to: ["*"], local: false }], hopLimit };
  for (let round = 1; ; round++) {
    assert.ok(round <= 40, "the links do not come to rest");
    const before = JSON.stringify([...read]);
    const next = new Map<string, Group[]>();
    for (const reader of bridges) {
      const imports = links.flatMap(([to, of]) => {
        if (to !== reader) return [];
        const standing = links.filter(([who]) => who === of).map(([, whom]) => [`to-${whom}`, { ...LIVE, link: true }] as const);
        const registries = new Map([["local", LIVE] as const, ...standing]);
        const groups = exportedGroups(serviceOf(read.get(of) ?? []), { cluster: of, peer: reader, policy, registries });
        return groups.map((group) => decodeGroup(encodeGroup(group), `to-${of}`));
      });
      next.set(reader, [local([instance("10.0.0.1", { cluster: reader })]), ...imports]);
    }
    for (const [name, groups] of next) read.set(name, groups);
    if (JSON.stringify([...read]) === before) return read;
  }
}

test("a ring comes to rest, and every bridge has every other one's instances once", () => {
  const ring = [
    ["a", "b"],
    ["b", "c"],
    ["c", "a"],
  ] as const;
  for (const groups of settle(ring, 3).values())
    assert.deepEqual(groups.flatMap(({ instances }) => instances.map(({ cluster }) => cluster)).sort(), ["a", "b", "c"]);
  for (const groups of settle(ring, 1).values()) assert.equal(groups.length, 2);
});

test("however bridges are linked, they come to rest and nothing comes back to where it is from", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e");
  const link = fc.tuple(name, name).filter(([reader, of]) => reader !== of);
  const links = fc.uniqueArray(link, { minLength: 1, maxLength: 12, selector: (pair) => pair.join() });
  fc.assert(
    fc.property(links, fc.integer({ min: 1, max: 5 }), (pairs, hopLimit) => {
      for (const [bridge, groups] of settle(pairs, hopLimit))
        for (const { source, instances } of groups.slice(1)) {
          assert.ok(!source.scope.startsWith(`${bridge}/`), "its own came back");
          for (const { labels } of instances)
            assert.ok((labels["meshbridge.io/link-path"] ?? "").split(",").length <= hopLimit, "it went through too many");
        }
    }),
    { numRuns: 60 },
  );
});
