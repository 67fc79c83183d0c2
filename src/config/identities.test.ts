/** `xds.identities`: what is taken, and what is said of what is not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "./testing.ts";

const xds = (rule: string, tls = "tls: { certFile: a, keyFile: b, clientCaFile: c }, ") =>
  `xds: { ${tls}identities: [ ${rule} ] }\n`;

test("a rule in full; what is not said is any", () => {
  const { identities } = configOf(
    xds("{ spiffe: 'spiffe://td/ns/{namespace}/sa/*', role: sidecar, namespace: '{namespace}' }"),
  ).xds;
  assert.deepEqual(identities, [
    {
      spiffe: "spiffe://td/ns/{namespace}/sa/*",
      dns: undefined,
      serviceAccount: undefined,
      role: "sidecar",
      gateway: undefined,
      namespace: "{namespace}",
      cluster: undefined,
      node: undefined,
    },
  ]);
});

for (const [rule, expected, tls] of [
  ["{ role: gateway }", /exactly one of spiffe, dns or serviceAccount/],
  ["{ role: gateway, dns: a, spiffe: 'spiffe://b' }", /exactly one of/],
  ["{ dns: a }", /role/],
  ["{ dns: a.x, role: sidecar, namespace: '{namespace}' }", /the pattern, which has none/],
  ["{ spiffe: 'spiffe://td/ns-{namespace}', role: sidecar, namespace: '{namespace}' }", /the pattern, which has none/],
  ["{ serviceAccount: web, role: sidecar }", /must be namespace\/name/],
  ["{ serviceAccount: a/b, role: sidecar }", /needs xds.tokens/],
  ["{ dns: a, role: sidecar, gateway: edge }", /is for the role gateway/],
  ["{ dns: a, role: gateway }", /needs xds.tls.clientCaFile/, ""],
  ["{ dns: a, role: gateway }", /needs xds.tls.clientCaFile/, "tls: { certFile: a, keyFile: b }, "],
] as const)
  test(`refused: ${rule} ${tls ?? ""}`, () => assert.throws(() => configOf(xds(rule, tls)), expected));

const account = "identities: [ { serviceAccount: a/b, role: grpc } ]";
for (const [xdsText, expected] of [
  [`tokens: { registry: k8s }, ${account}`, /no registry of kind kubernetes is called "k8s"/],
  ["tokens: { registry: k8s }", /needs xds.identities/],
  [`listen: 0.0.0.0:1, insecure: true, tokens: { registry: k8s }, ${account}`, /needs xds.tls: tokens would cross/],
  [`tls: { certFile: a, keyFile: b, clientCaFile: c }, tokens: { registry: k8s }, ${account}`, /cannot be had beside/],
] as const)
  test(`refused: ${xdsText}`, () => assert.throws(() => configOf(`xds: { ${xdsText} }`), expected));
