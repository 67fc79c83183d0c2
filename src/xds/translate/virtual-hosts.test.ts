/** Joining what was encoded before gives the bytes that encoding everything at once gives, whatever came and went. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RouteConfiguration } from "../../gen/envoy/config/route/v3/route.ts";
import { VirtualHost } from "../../gen/envoy/config/route/v3/route_components.ts";
import { DEFAULT_POLICY, type ServicePolicy } from "../../routing/policy.ts";
import type { PolicyOf } from "./backends.ts";
import type { PortHosts } from "./sidecar-hosts.ts";
import { hostResources, type VirtualHostMemo, wholeRoutes } from "./virtual-hosts.ts";

const hosts = (name: string, more: readonly string[] = []): PortHosts => ({
  cluster: `default/${name}/http`,
  service: { namespace: "default", name },
  port: "http",
  domains: [`${name}.default`, ...more],
});

const PLAIN: ServicePolicy = { ...DEFAULT_POLICY, connectTimeoutMs: 1000, deadAfterMs: 0 };
const RETRIED: ServicePolicy = {
  ...PLAIN,
  retries: { attempts: 3, on: "connect-failure", perTryTimeoutMs: undefined, resets: "idempotent" },
};
const SPLIT: ServicePolicy = { ...PLAIN, distribute: { c1: 30, c2: 70 } };
const POLICIES: readonly PolicyOf[] = [
  () => PLAIN,
  ({ name }) => (name === "a" ? RETRIED : PLAIN),
  ({ name }) => (name === "b" ? SPLIT : PLAIN),
];

const step = fc.record({
  names: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 5 }),
  more: fc.boolean(),
  policy: fc.nat(POLICIES.length - 1),
});

test("property: the joined route configuration has the bytes of one encoded at once, after any history", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
      const memo: VirtualHostMemo = new Map();
      for (const { names, more, policy } of steps) {
        const policyOf = POLICIES[policy] ?? assert.fail("no policy");
        const all = names.map((name) => hosts(name, more ? [`${name}.default:80`] : []));
        const joined = wholeRoutes("outbound/http", all, policyOf, memo);
        const fresh = wholeRoutes("outbound/http", all, policyOf, new Map());
        const atOnce = RouteConfiguration.encode(RouteConfiguration.decode(fresh.body)).finish();
        assert.deepEqual(Buffer.from(joined.body), Buffer.from(atOnce));
        assert.equal(joined.version, fresh.version);
        assert.deepEqual(joined.refs, fresh.refs);
        assert.equal(RouteConfiguration.decode(joined.body).virtualHosts.length, names.length);
        assert.equal(memo.size, names.length, "what is gone is forgotten");
      }
    }),
  );
});

test("one service more: what was encoded for the others is not encoded again", (t) => {
  const encode = t.mock.method(VirtualHost, "encode");
  const memo: VirtualHostMemo = new Map();
  const policyOf = POLICIES[0] ?? assert.fail("no policy");
  wholeRoutes("r", [hosts("a"), hosts("b")], policyOf, memo);
  assert.equal(encode.mock.callCount(), 2);
  wholeRoutes("r", [hosts("a"), hosts("b"), hosts("c")], policyOf, memo);
  assert.equal(encode.mock.callCount(), 3);
});

test("on demand each way to write a host is a resource, named as Envoy asks for it and as its virtual host", () => {
  const policyOf = POLICIES[2] ?? assert.fail("no policy");
  const made = hostResources([hosts("b", ["b.default:80"])], policyOf, new Map());
  assert.deepEqual(
    made.map(({ name }) => name),
    ["outbound/http/b.default", "outbound/http/b.default:80"],
  );
  for (const { name, body, refs } of made) {
    const host = VirtualHost.decode(body);
    assert.deepEqual([host.name, host.domains], [name, [name.slice("outbound/http/".length)]]);
    assert.deepEqual(
      refs.map((ref) => ref.name),
      ["default/b/http~c1", "default/b/http~c2"],
    );
  }
});
