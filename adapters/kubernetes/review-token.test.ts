import assert from "node:assert/strict";
import { test } from "node:test";
import { ownerIn } from "./review-token.ts";

const good = { authenticated: true, audiences: ["meshbridge"], user: { username: "system:serviceaccount:shop:web" } };

for (const [what, status, owner] of [
  ["a service account, for us", good, { namespace: "shop", name: "web" }],
  ["not authenticated", { ...good, authenticated: false }, undefined],
  ["authenticated by a text", { ...good, authenticated: "true" }, undefined],
  ["for another audience", { ...good, audiences: ["https://kubernetes.default.svc"] }, undefined],
  ["for no audience, as of an API server that knows none", { ...good, audiences: undefined }, undefined],
  ["a person", { ...good, user: { username: "admin" } }, undefined],
  ["a name with more in it", { ...good, user: { username: "system:serviceaccount:shop:web:x" } }, undefined],
  ["nobody", { ...good, user: undefined }, undefined],
  ["no status", undefined, undefined],
] as const)
  test(`the owner of a token: ${what}`, () => assert.deepEqual(ownerIn({ status }, "meshbridge"), owner));

test("the owner of a token: no answer at all", () => assert.equal(ownerIn(null, "meshbridge"), undefined));
