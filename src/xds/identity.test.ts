/** Forged nodes: every identity against every node it might claim to be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { locality } from "../model/locality.ts";
import type { Client } from "../routing/client.ts";
import type { IdentityRule } from "../routing/identity-rule.ts";
import { alternativeNames, type PeerIdentity, refusalOf } from "./identity.ts";

const rule = (fields: Partial<IdentityRule> & Pick<IdentityRule, "role">): IdentityRule => ({
  spiffe: undefined,
  dns: undefined,
  serviceAccount: undefined,
  gateway: undefined,
  namespace: undefined,
  cluster: undefined,
  node: undefined,
  ...fields,
});
const RULES = [
  rule({ spiffe: "spiffe://td/ns/{namespace}/sa/*", role: "sidecar", namespace: "{namespace}", node: "*.{namespace}" }),
  rule({ spiffe: "spiffe://td/ns/edge/sa/edge-*", role: "gateway", gateway: "edge" }),
  rule({ dns: "*.gateways.example.com", role: "gateway", gateway: "far", cluster: "c2" }),
  rule({ serviceAccount: "{namespace}/default", role: "grpc", namespace: "{namespace}" }),
  rule({ serviceAccount: "shop/web", role: "sidecar", namespace: "shop", cluster: "c1" }),
];
const uri = (text: string): PeerIdentity => ({ kind: "certificate", names: [`URI:${text}`] });
const dns = (...names: string[]): PeerIdentity => ({ kind: "certificate", names: names.map((name) => `DNS:${name}`) });
const account = (namespace: string, name: string): PeerIdentity => ({ kind: "serviceAccount", namespace, name });

const PEERS: Readonly<Record<string, PeerIdentity>> = {
  none: { kind: "none" },
  shop: uri("spiffe://td/ns/shop/sa/web"),
  pay: uri("spiffe://td/ns/pay/sa/web"),
  edge: uri("spiffe://td/ns/edge/sa/edge-1"),
  "other trust domain": uri("spiffe://other/ns/shop/sa/web"),
  "longer path": uri("spiffe://td/ns/shop/sa/web/x"),
  "shorter path": uri("spiffe://td/ns/shop/sa"),
  "no namespace": uri("spiffe://td/ns//sa/web"),
  "no account": uri("spiffe://td/ns/shop/sa/"),
  "two URIs": { kind: "certificate", names: ["URI:spiffe://td/ns/shop/sa/web", "URI:spiffe://td/ns/pay/sa/web"] },
  "no names": { kind: "certificate", names: [] },
  "a name that only looks so": dns("spiffe://td/ns/shop/sa/web"),
  far: dns("a.gateways.example.com"),
  "far, in capitals": dns("A.Gateways.Example.com"),
  "a deeper name": dns("a.b.gateways.example.com"),
  "the domain itself": dns("gateways.example.com"),
  "a wildcard certificate": dns("*.gateways.example.com"),
  "a name as URI": uri("a.gateways.example.com"),
  "token shop/default": account("shop", "default"),
  "token shop/web": account("shop", "web"),
  "token pay/default": account("pay", "default"),
  "token pay/web": account("pay", "web"),
};

const client = (fields: Partial<Client>): Client => ({
  role: "sidecar",
  gateway: "",
  cluster: "c1",
  network: "default",
  locality: locality(),
  namespace: "default",
  inbound: undefined,
  ...fields,
});
const NODES = ["shop", "pay", "edge", "default", "", "{namespace}", "*"].flatMap((namespace) =>
  ["c1", "c2"].flatMap((cluster) => [
    ...["web.shop", "web.pay", "web", "x.{namespace}"].map((nodeId) => ({ nodeId, client: client({ namespace, cluster }) })),
    ...["edge", "far", "", "*"].map((gateway) => ({
      nodeId: "g",
      client: client({ role: "gateway", gateway, namespace, cluster }),
    })),
    { nodeId: "app", client: client({ role: "grpc", namespace, cluster }) },
  ]),
);

/** What each may be, and nothing else: `role gateway namespace cluster node`; `.` is any. */
const ALLOWED: Readonly<Record<string, readonly RegExp[]>> = {
  shop: [/^sidecar - shop c\d web\.shop$/],
  pay: [/^sidecar - pay c\d web\.pay$/],
  // A sidecar of the namespace `edge` as well, but no node here is called so.
  edge: [/^gateway edge /],
  far: [/^gateway far \S* c2 /],
  "far, in capitals": [/^gateway far \S* c2 /],
  "token shop/default": [/^grpc - shop /],
  "token pay/default": [/^grpc - pay /],
  "token shop/web": [/^sidecar - shop c1 /],
};

test("an identity is exactly the nodes that the rules tie it to", () => {
  let cases = 0;
  for (const [name, peer] of Object.entries(PEERS)) {
    for (const claim of NODES) {
      const { role, gateway, namespace, cluster } = claim.client;
      const text = [role, gateway || "-", namespace || "-", cluster, claim.nodeId].join(" ");
      const expected = ALLOWED[name]?.some((pattern) => pattern.test(text)) ?? false;
      const refusal = refusalOf(RULES, peer, claim);
      assert.equal(refusal === undefined, expected, `${name} as ${text}: ${refusal}`);
      cases++;
    }
  }
  assert.ok(cases >= 1000, `${cases} cases`);
});

for (const [peer, said] of [
  ["none", /neither a certificate nor a token/],
  ["two URIs", /more than one URI/],
  ["pay", /the certificate of URI:spiffe:\/\/td\/ns\/pay\/sa\/web may not be the node web\.shop \(sidecar shop c1\)/],
  ["other trust domain", /no rule knows/],
] as const)
  test(`the refusal of ${peer} says why`, () => {
    const claim = { nodeId: "web.shop", client: client({ namespace: "shop" }) };
    assert.match(refusalOf(RULES, PEERS[peer] ?? { kind: "none" }, claim) ?? "", said);
  });

for (const [text, expected] of [
  [undefined, []],
  ["DNS:a.x, URI:spiffe://td/a, IP Address:10.0.0.1", ["DNS:a.x", "URI:spiffe://td/a"]],
  ['DNS:"a.x, URI:spiffe://td/ns/admin/sa/a"', []],
  ['URI:"spiffe://td/a\\u002c URI:b", DNS:a', []],
] as const)
  test(`alternative names of ${text}`, () => assert.deepEqual(alternativeNames(text), expected));
