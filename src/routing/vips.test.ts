import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { propertyRuns } from "../kernel/property-runs.ts";
import { vipTable } from "./vips.ts";

const WIDE = { range: "127.64.0.0/10", pins: {} };
const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}\/[a-z0-9]{1,8}$/), { maxLength: 60 });

test("the addresses are these: who changes them moves every service of every mesh", () => {
  assert.deepEqual(
    [...vipTable(["shop/db", "shop/queue", "other/db"], WIDE)].sort(),
    [
      ["other/db", "127.65.173.233"],
      ["shop/db", "127.83.10.6"],
      ["shop/queue", "127.98.236.0"],
    ].sort(),
  );
  assert.deepEqual(
    [...vipTable(["shop/db"], { range: "fd00:77::/64", pins: {} })],
    [["shop/db", "fd00:77::ad9c:1afe:aa0f:adae"]],
  );
});

test("they hang on the set of services alone, are each once and in the range", () => {
  fc.assert(
    fc.property(names, fc.constantFrom("127.64.0.0/10", "240.0.0.0/26", "fd00:77::/64"), fc.nat(), (ids, range, seed) => {
      const table = vipTable(ids, { range, pins: {} });
      const turned = [...ids.slice(seed % (ids.length + 1)), ...ids.slice(0, seed % (ids.length + 1))];
      assert.deepEqual([...vipTable(turned, { range, pins: {} })].sort(), [...table].sort());
      assert.equal(new Set(table.values()).size, table.size);
      for (const address of table.values()) assert.ok(ipaddr.parse(address).match(ipaddr.parseCIDR(range)), address);
      assert.equal(table.size, ids.length);
    }),
    { numRuns: propertyRuns(200) },
  );
});

test("a service that comes or goes moves no more than those it shares a place with: in a wide range nobody", () => {
  const ids = Array.from({ length: 5000 }, (_, index) => `shop/service-${index}`);
  const before = vipTable(ids, WIDE);
  const after = vipTable([...ids, "shop/new"], WIDE);
  const without = vipTable(ids.slice(1), WIDE);
  assert.deepEqual(
    ids.filter((id) => before.get(id) !== after.get(id)),
    [],
  );
  assert.ok(ids.slice(1).filter((id) => before.get(id) !== without.get(id)).length <= 1);
});

test("in a full range as many as there are places have one, whatever the order", () => {
  const ids = Array.from({ length: 200 }, (_, index) => `shop/service-${index}`);
  const small = { range: "240.0.0.0/26", pins: {} };
  const table = vipTable(ids, small);
  assert.ok(table.size > 55 && table.size <= 62, `${table.size}`);
  assert.deepEqual([...vipTable(ids.toReversed(), small)].sort(), [...table].sort());
});

test("a pin is its service's and nobody else's", () => {
  const free = vipTable(["shop/db", "shop/queue"], WIDE);
  const pins = { "shop/queue": free.get("shop/db") ?? "" };
  const pinned = vipTable(["shop/db", "shop/queue"], { ...WIDE, pins });
  assert.equal(pinned.get("shop/queue"), pins["shop/queue"]);
  assert.notEqual(pinned.get("shop/db"), pins["shop/queue"]);
});
