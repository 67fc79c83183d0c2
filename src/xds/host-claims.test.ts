import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createHostClaims } from "./host-claims.ts";

test("the first by id has the host, whichever came first, and the other gets it when that one goes", () => {
  const claims = createHostClaims();
  assert.deepEqual(claims.set("c/a.b", "a.b.c"), ["c/a.b"]);
  assert.deepEqual(claims.set("b.c/a", "a.b.c"), ["b.c/a", "c/a.b"]);
  assert.deepEqual([claims.owns("b.c/a"), claims.owns("c/a.b")], [true, false]);
  assert.deepEqual(
    claims.conditions().map(({ reason, message }) => [reason, message]),
    [["HostTaken", "for gRPC clients a.b.c leads to b.c/a, so c/a.b is not reachable by that name"]],
  );
  assert.deepEqual(claims.set("b.c/a", undefined), ["c/a.b"]);
  assert.equal(claims.owns("c/a.b"), true);
  assert.deepEqual(claims.conditions(), []);
});

test("the same again touches nobody; another host touches those of both", () => {
  const claims = createHostClaims();
  claims.set("n/a", "x");
  claims.set("n/b", "x");
  assert.deepEqual(claims.set("n/a", "x"), []);
  assert.deepEqual(claims.set("n/a", "y"), ["n/b", "n/a"]);
  assert.deepEqual([claims.owns("n/a"), claims.owns("n/b"), claims.owns("n/c")], [true, true, false]);
});

test("property: each host that somebody has belongs to the first of them, and who did not change was told of a change", () => {
  const step = fc.record({
    id: fc.constantFrom("a", "b", "c"),
    host: fc.option(fc.constantFrom("x", "y"), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const claims = createHostClaims();
      const hosts = new Map<string, string>();
      for (const { id, host } of steps) {
        const before = new Map(["a", "b", "c"].map((one) => [one, claims.owns(one)]));
        const told = claims.set(id, host);
        if (host === undefined) hosts.delete(id);
        else hosts.set(id, host);
        for (const one of ["a", "b", "c"]) {
          const first = [...hosts]
            .filter(([, name]) => name === hosts.get(one))
            .map(([name]) => name)
            .sort()[0];
          assert.equal(claims.owns(one), hosts.has(one) && first === one);
          if (claims.owns(one) !== before.get(one)) assert.ok(told.includes(one) || one === id);
        }
        assert.equal(claims.conditions().length, hosts.size - new Set(hosts.values()).size);
      }
    }),
  );
});
