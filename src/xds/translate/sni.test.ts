/** Whatever the server names and hosts are, a connection reaches only hosts of the group it was opened for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type HostPattern, planHosts } from "./sni.ts";

const plan = (hosts: string[], own: string[], ...others: string[][]) => {
  const { served, misdirected } = planHosts(new Map(hosts.map((host) => [host, `of ${host}`])), own, [own, ...others]);
  return { served: Object.fromEntries(served), misdirected };
};

for (const [name, actual, served, misdirected] of [
  [
    "one group for every name: as it was",
    plan(["a.x", "*.x", "*"], ["*"]),
    { "a.x": "of a.x", "*.x": "of *.x", "*": "of *" },
    [],
  ],
  ["one name of its own", plan(["a.x", "b.x"], ["a.x"], ["*"]), { "a.x": "of a.x" }, ["*"]],
  ["the others beside it", plan(["a.x", "b.x"], ["*"], ["a.x"]), { "b.x": "of b.x" }, ["a.x"]],
  ["a wildcard host is narrowed to the name", plan(["*.x", "*"], ["a.x"], ["*"]), { "a.x": "of *.x" }, ["*"]],
  ["a wildcard name in a wildcard group", plan(["*.x"], ["*.x"], ["a.x"]), { "*.x": "of *.x" }, ["a.x", "*"]],
] as const)
  test(`sni: ${name}`, () => assert.deepEqual(actual, { served, misdirected }));

const host = fc.constantFrom("a.x", "b.x", "a.b.x", "b.b.x", "x", "a.y", "y");
const pattern = fc.oneof(host, fc.constantFrom("*", "*.x", "*.b.x", "*.y"));

/** As Envoy chooses a filter chain by SNI and a virtual host by Host: whole names, then the longest suffix, then `*`. */
function choose<T>(candidates: Iterable<readonly [HostPattern, T]>, asked: string): T | undefined {
  const fits = [...candidates].filter(([p]) => p === "*" || p === asked || (p.startsWith("*.") && asked.endsWith(p.slice(1))));
  const rank = (p: string) => (p === "*" ? 0 : p.startsWith("*.") ? p.length : 1000);
  return fits.sort(([a], [b]) => rank(b) - rank(a))[0]?.[1];
}

test("sni: a host is answered on a connection exactly when its own name leads there, with what the plain listener answers", () => {
  const groups = fc.uniqueArray(pattern, { minLength: 1, maxLength: 5 }).chain((names) =>
    fc.array(fc.nat(3), { minLength: names.length, maxLength: names.length }).map((at) => {
      const lists = [0, 1, 2, 3].map((index) => names.filter((_, i) => at[i] === index));
      return lists.filter((list) => list.length > 0);
    }),
  );
  fc.assert(
    fc.property(groups, fc.uniqueArray(pattern, { maxLength: 5 }), host, host, (lists, hosts, sni, asked) => {
      const owners = new Map(hosts.map((one) => [one, one]));
      const byName = lists.flatMap((own) => own.map((name): [string, string[]] => [name, own]));
      const own = choose(byName, sni);
      if (own === undefined) return;
      const { served, misdirected } = planHosts(owners, own, lists);
      const domains = [...served, ...misdirected.map((name): [string, undefined] => [name, undefined])];
      assert.equal(new Set(domains.map(([name]) => name)).size, domains.length, "Envoy refuses a domain that is there twice");
      const expected = choose(byName, asked) === own ? choose(owners, asked) : undefined;
      assert.equal(choose(domains, asked), expected, JSON.stringify({ lists, hosts, sni, asked }));
    }),
    { numRuns: 2000 },
  );
});
