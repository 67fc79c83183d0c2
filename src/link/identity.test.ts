import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { identitiesOf, peerOf } from "./identity.ts";

const peers = [
  { name: "eu-2", identities: ["URI:spiffe://eu-2/bridge"] },
  { name: "us-1", identities: ["DNS:bridge.us-1.example.com"] },
];

test("a certificate belongs to the peer one of whose names it has, exactly", () => {
  const of = (text: string | undefined) => peerOf(identitiesOf(text), peers)?.name;
  assert.equal(of("DNS:other, URI:spiffe://eu-2/bridge"), "eu-2");
  assert.equal(of("DNS:Bridge.US-1.example.com"), "us-1");
  assert.equal(of("URI:spiffe://eu-2/bridge/more"), undefined);
  assert.equal(of("IP Address:127.0.0.1"), undefined);
  assert.equal(of(undefined), undefined);
});

test("a name that node had to put in quotes is nobody's, whatever is inside", () => {
  assert.deepEqual(identitiesOf('DNS:"x, URI:spiffe://eu-2/bridge"'), []);
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const identity of identitiesOf(text)) assert.match(identity, /^(URI|DNS):/);
    }),
  );
});
