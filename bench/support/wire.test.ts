import assert from "node:assert/strict";
import { test } from "node:test";
import { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import { deframer, encodeAck, frame, scanResponse } from "./wire.ts";

const resource = (name: string) => ({
  name,
  version: "v",
  resource: { typeUrl: TYPE_URL.endpoint, value: Buffer.alloc(300, name) },
});

test("a scanned response has the type, the nonce and the bytes of its resources", () => {
  const resources = [resource("a"), resource("b")];
  const response = { typeUrl: TYPE_URL.endpoint, nonce: "e.7", systemVersionInfo: "9" };
  const encoded = Buffer.from(
    DeltaDiscoveryResponse.encode(DeltaDiscoveryResponse.fromPartial({ ...response, resources })).finish(),
  );
  const scanned = scanResponse(encoded);
  assert.equal(scanned.typeUrl, TYPE_URL.endpoint);
  assert.equal(scanned.nonce, "e.7");
  assert.deepEqual(
    DeltaDiscoveryResponse.decode(scanned.resources).resources.map(({ name }) => name),
    ["a", "b"],
  );
  const empty = DeltaDiscoveryResponse.encode(DeltaDiscoveryResponse.fromPartial(response)).finish();
  assert.equal(scanResponse(Buffer.from(empty)).resources.length, 0);
});

test("an encoded ACK is a request with type and nonce alone", () => {
  const expected = DeltaDiscoveryRequest.fromPartial({ typeUrl: TYPE_URL.endpoint, responseNonce: "e.7" });
  assert.deepEqual(DeltaDiscoveryRequest.decode(encodeAck(TYPE_URL.endpoint, "e.7")), expected);
});

test("messages come out whole, however the stream is cut", () => {
  const stream = Buffer.concat([frame(Buffer.from("one")), frame(Buffer.alloc(0)), frame(Buffer.from("three"))]);
  for (let size = 1; size <= stream.length; size++) {
    const messages: string[] = [];
    const take = deframer((message, bytes) => messages.push(`${message.toString()}:${bytes}`));
    for (let at = 0; at < stream.length; at += size) take(stream.subarray(at, at + size));
    assert.deepEqual(messages, ["one:8", ":5", "three:10"]);
  }
});
