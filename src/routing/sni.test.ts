import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ownSni, sniPatterns, sniTargets } from "./sni.ts";

const DOMAIN = "mesh.local";
const shown = (sni: string) =>
  sniTargets(sni, DOMAIN).map(({ key, port, subset, via }) =>
    [`${key.namespace}/${key.name}`, port, subset, via].filter(Boolean).join(" "),
  );

test("the first meaning of a name is that of its dialect", () => {
  for (const [sni, meaning] of [
    ["http.web.shop.port.mesh.local", "shop/web http"],
    ["http.web.shop.eu-1.cluster.mesh.local", "shop/web http eu-1"],
    ["http.web.shop.n2.via.mesh.local", "shop/web http n2"],
    ["web.shop.mesh.local", "shop/web"],
    ["WEB.Shop.mesh.local", "shop/web"],
    ["outbound_.8080_._.web.shop.svc.cluster.local", "shop/web 8080"],
    ["outbound_.8080_.v2_.web.shop.svc.cluster.local", "shop/web 8080 v2"],
    ["web.shop.dc1.internal.uuid.consul", "shop/web"],
    ["web.shop.part.peer.external.uuid.consul", "shop/web"],
  ] as const)
    assert.equal(shown(sni)[0], meaning, sni);
});

test("a name with dots has several meanings, one of which is the right one", () => {
  assert.ok(shown("http.v1.web.shop.port.mesh.local").includes("shop/v1.web http"));
  assert.ok(shown("v2.web.shop.dc1.internal.uuid.consul").includes("shop/web v2"));
});

test("what is none of the dialects means nothing, and no name costs more than a bounded number of looks", () => {
  for (const sni of [
    "",
    "x",
    "example.com",
    "outbound_.x_._.web",
    "mesh.local",
    `${"a.".repeat(200)}mesh.local`,
    "a.".repeat(100),
  ])
    assert.deepEqual(sniTargets(sni, DOMAIN), [], sni);
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => sniTargets(`${text}.${DOMAIN}`, DOMAIN).length <= 1000));
});

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
const dotted = fc.array(label, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("."));

test("property: our own names are understood again, and pass the patterns of their export rule alone", () => {
  const matching = (match: string, sni: string) =>
    sniPatterns(match, DOMAIN).some((regex) => new RegExp(`^(?:${regex})$`).test(sni));
  fc.assert(
    fc.property(dotted, label, label, fc.option(label, { nil: undefined }), (name, namespace, port, cluster) => {
      const key = { namespace, name };
      const sni = ownSni({ key, port, cluster }, DOMAIN);
      const meant = sniTargets(sni, DOMAIN);
      assert.ok(
        meant.some(
          (one) => one.key.name === name && one.key.namespace === namespace && one.port === port && one.subset === cluster,
        ),
      );
      for (const rule of ["*", `${namespace}/*`, `*/${name}`, `${namespace}/${name}`])
        assert.ok(matching(rule, sni), `${rule} ${sni}`);
      assert.ok(!matching(`other-${namespace}/${name}`, sni));
      const istio = `outbound_.80_._.${name}.${namespace}.svc.cluster.local`;
      assert.ok(matching(`${namespace}/*`, istio) && !matching(`x-${namespace}/*`, istio));
    }),
  );
});
