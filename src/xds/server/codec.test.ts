/** What is on the wire beyond what the bridge speaks: tolerated, within limits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeltaDiscoveryRequest, DiscoveryRequest } from "../../gen/envoy/service/discovery/v3/discovery.ts";
import { TYPE_URL } from "../types.ts";
import { decodeRequest } from "./codec.ts";

/** A length-delimited field of protobuf. */
function field(number: number, content: Uint8Array): Buffer {
  const tag = (number << 3) | 2;
  const head = tag < 0x80 ? [tag] : [(tag & 0x7f) | 0x80, tag >> 7];
  return Buffer.concat([Buffer.from([...head, content.length]), content]);
}

const sotw = DiscoveryRequest.encode(DiscoveryRequest.fromPartial({ typeUrl: TYPE_URL.endpoint, resourceNames: ["a"] })).finish();
const delta = DeltaDiscoveryRequest.encode(
  DeltaDiscoveryRequest.fromPartial({ typeUrl: TYPE_URL.endpoint, resourceNamesSubscribe: ["a"] }),
).finish();

test("E4 fields of a later version of the API are ignored, in both variants", () => {
  const later = Buffer.concat([field(999, Buffer.from("of tomorrow")), field(60, Buffer.from([8, 1]))]);
  const whole = decodeRequest("sotw", Buffer.concat([sotw, later])).request;
  assert.deepEqual(whole.variant === "sotw" && whole.names, ["a"]);
  const part = decodeRequest("delta", Buffer.concat([later, delta])).request;
  assert.deepEqual(part.variant === "delta" && part.subscribe, ["a"]);
});

test("E3 resource locators with dynamic parameters are ignored beside names", () => {
  const locator = field(1, Buffer.from("a"));
  const whole = decodeRequest("sotw", Buffer.concat([sotw, field(7, locator)])).request;
  assert.deepEqual(whole.variant === "sotw" && whole.names, ["a"]);
  const part = decodeRequest("delta", Buffer.concat([delta, field(8, locator), field(9, locator)])).request;
  assert.deepEqual(part.variant === "delta" && [part.subscribe, part.unsubscribe], [["a"], []]);
});

test("D2 50,000 initial versions are read; more than 100,000 names, and one beyond 4,096 characters, are refused", () => {
  const versions = Object.fromEntries(
    Array.from({ length: 50_000 }, (_, index) => [`namespace/${"s".repeat(60)}-${index}/http`, "0123456789abcdef"]),
  );
  const message = DeltaDiscoveryRequest.fromPartial({ initialResourceVersions: versions });
  const bytes = Buffer.from(DeltaDiscoveryRequest.encode(message).finish());
  assert.ok(bytes.length > 4 * 1024 * 1024, `${bytes.length} bytes`);
  const { request } = decodeRequest("delta", bytes);
  assert.equal(request.variant === "delta" && request.initialVersions.size, 50_000);
  const names = (resourceNames: string[]) =>
    Buffer.from(DiscoveryRequest.encode(DiscoveryRequest.fromPartial({ resourceNames })).finish());
  assert.throws(() => decodeRequest("sotw", names(Array.from({ length: 100_001 }, () => "a"))), {
    code: "MB_XDS_REQUEST_INVALID",
  });
  assert.throws(() => decodeRequest("sotw", names(["a".repeat(4097)])), { code: "MB_XDS_REQUEST_INVALID" });
});
