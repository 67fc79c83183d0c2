import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DeltaDiscoveryResponse, DiscoveryResponse } from "../../gen/envoy/service/discovery/v3/discovery.ts";
import { makeResource } from "../resource.ts";
import { TYPE_URL } from "../types.ts";
import { PREFIX_BYTES } from "./frames.ts";
import { encodeResponse, messageBytes } from "./response.ts";

const typeUrl = TYPE_URL.endpoint;
const name = fc.string({ minLength: 1, maxLength: 300, unit: "grapheme" });
const someNonce = fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" }).filter((text) => Buffer.byteLength(text) <= 127);
const resources = fc
  .array(fc.tuple(name, fc.uint8Array({ minLength: 1, maxLength: 400 })), { maxLength: 5 })
  .map((all) => all.map(([one, body]) => makeResource(typeUrl, one, body)));

/** What is in a gRPC frame, whose length must be right. */
function message(pieces: readonly Uint8Array[]): Buffer {
  const frame = Buffer.concat(pieces);
  assert.equal(messageBytes(pieces), frame.byteLength - PREFIX_BYTES);
  assert.deepEqual([frame[0], frame.readUInt32BE(1)], [0, frame.byteLength - PREFIX_BYTES]);
  return frame.subarray(PREFIX_BYTES);
}

test("property: a response is what the generated code reads, the first time and from what is remembered", () => {
  fc.assert(
    fc.property(resources, fc.array(name, { maxLength: 3 }), someNonce, (made, removed, nonce) => {
      for (const _ of [1, 2]) {
        const response = { typeUrl, nonce, version: "v1", resources: made, removed };
        const delta = message(encodeResponse("delta", response));
        const read = DeltaDiscoveryResponse.decode(delta);
        assert.deepEqual(
          [read.typeUrl, read.nonce, read.systemVersionInfo, read.removedResources],
          [typeUrl, nonce, "v1", removed],
        );
        assert.deepEqual(
          read.resources.map((one) => [one.name, one.version, one.resource?.typeUrl, Buffer.from(one.resource?.value ?? [])]),
          made.map((one) => [one.name, one.version, typeUrl, Buffer.from(one.body)]),
        );
        const whole = DiscoveryResponse.decode(message(encodeResponse("sotw", response)));
        assert.deepEqual([whole.typeUrl, whole.nonce, whole.versionInfo], [typeUrl, nonce, "v1"]);
        assert.deepEqual(
          whole.resources.map(({ value }) => Buffer.from(value)),
          made.map(({ body }) => Buffer.from(body)),
        );
      }
    }),
  );
});

test("a large response is encoded once for all whom it goes to alike, and not copied", () => {
  const made = Array.from({ length: 40 }, (_, at) => makeResource(typeUrl, `web-${at}`, Buffer.alloc(1000, at)));
  const response = (nonce: string, more: object = {}) => ({
    typeUrl,
    nonce,
    version: "v1",
    resources: made,
    removed: [],
    ...more,
  });
  const [first, second] = [encodeResponse("delta", response("n.1")), encodeResponse("delta", response("n.2"))];
  assert.equal(first[1], second[1]);
  const read = (pieces: readonly Uint8Array[]) => DeltaDiscoveryResponse.decode(message(pieces));
  assert.deepEqual([read(first).nonce, read(second).nonce], ["n.1", "n.2"]);
  assert.deepEqual(
    read(second).resources.map((one) => [one.name, one.resource?.value[0], one.resource?.value.byteLength]),
    made.map(({ name: of }, at) => [of, at, 1000]),
  );
  const others = [
    { version: "v2" },
    { resources: made.slice(0, 30) },
    { resources: [...made.slice(0, 39), makeResource(typeUrl, "web-39", Buffer.alloc(1000))] },
    { removed: ["gone"] },
  ];
  for (const more of others) {
    const { systemVersionInfo, resources: held, removedResources } = read(encodeResponse("delta", response("n", more)));
    const expected = response("n", more);
    assert.deepEqual(
      [systemVersionInfo, held.length, removedResources],
      [expected.version, expected.resources.length, expected.removed],
    );
    assert.equal(held.at(-1)?.resource?.value[0], expected.resources.at(-1)?.body[0]);
  }
  const whole = DiscoveryResponse.decode(message(encodeResponse("sotw", response("n.3"))));
  assert.deepEqual([whole.nonce, whole.resources.length], ["n.3", 40]);
});

test("a name without a body has itself as its alias, and no Any (Envoy's virtual hosts on demand)", () => {
  const bare = [{ name: "outbound/http/nobody", version: "" }];
  const response = { typeUrl, nonce: "n", version: "v", resources: [], removed: [], bare };
  const [read] = DeltaDiscoveryResponse.decode(message(encodeResponse("delta", response))).resources;
  assert.deepEqual([read?.name, read?.aliases, read?.version, read?.resource], [bare[0]?.name, [bare[0]?.name], "", undefined]);
});

test("a nonce that would not fit into its field is an error, not a broken message", () => {
  const response = { typeUrl, nonce: "n".repeat(128), version: "v", resources: [], removed: ["a"] };
  assert.throws(() => encodeResponse("delta", response), RangeError);
});
