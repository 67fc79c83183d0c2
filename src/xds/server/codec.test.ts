/** What is on the wire beyond what the bridge speaks: tolerated, within limits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Node } from "../../gen/envoy/config/core/v3/base.ts";
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

const text = fc.string({ unit: "binary", maxLength: 150 });
/** The generated decoder has maps as objects, which know no such key of their own. */
const key = text.filter((name) => name !== "__proto__");
const node = fc.option(
  text.map((id) => Node.fromPartial({ id, metadata: { role: "sidecar" } })),
  { nil: undefined },
);
const errorDetail = fc.option(fc.record({ code: fc.integer({ min: 0, max: 20 }), message: text }), { nil: undefined });
const words = ({ code, message }: { readonly code: number; readonly message: string }) => message || `code ${code}`;

test("what is read by hand is what the generated decoder reads, in both variants", () => {
  const names = fc.array(text, { maxLength: 20 });
  fc.assert(
    fc.property(names, names, fc.dictionary(key, text), text, node, errorDetail, (a, b, versions, word, from, error) => {
      const wholeMessage = DiscoveryRequest.fromPartial({
        ...{ typeUrl: TYPE_URL.route, versionInfo: word, responseNonce: word, resourceNames: a, node: from },
        ...{ errorDetail: error },
      });
      const wholeBytes = DiscoveryRequest.encode(wholeMessage).finish();
      const read = DiscoveryRequest.decode(wholeBytes);
      const whole = decodeRequest("sotw", Buffer.from(wholeBytes));
      assert.deepEqual(whole.node, read.node);
      assert.deepEqual(whole.request, {
        ...{ variant: "sotw", typeUrl: read.typeUrl, names: read.resourceNames, version: read.versionInfo },
        ...{ nonce: read.responseNonce, error: read.errorDetail && words(read.errorDetail) },
      });

      const partMessage = DeltaDiscoveryRequest.fromPartial({
        ...{ typeUrl: word, responseNonce: word, resourceNamesSubscribe: a, resourceNamesUnsubscribe: b },
        ...{ initialResourceVersions: versions, node: from, errorDetail: error },
      });
      const partBytes = DeltaDiscoveryRequest.encode(partMessage).finish();
      const delta = DeltaDiscoveryRequest.decode(partBytes);
      const part = decodeRequest("delta", Buffer.from(partBytes));
      assert.deepEqual(part.node, delta.node);
      assert.deepEqual(part.request, {
        ...{ variant: "delta", typeUrl: delta.typeUrl, nonce: delta.responseNonce },
        ...{ subscribe: delta.resourceNamesSubscribe, unsubscribe: delta.resourceNamesUnsubscribe },
        initialVersions: new Map(Object.entries(delta.initialResourceVersions)),
        error: delta.errorDetail && words(delta.errorDetail),
      });
    }),
    { numRuns: 300 },
  );
});

test("bytes that are no request are refused with a reason, whatever they are", () => {
  const cases: readonly (readonly [number[], RegExp])[] = [
    [[0x12, 5, 0x61], /longer than its message by 4 bytes/],
    [[0x12, 0x80], /does not end/],
    [Array.from({ length: 12 }, () => 0xff), /does not end/],
    [[0x02, 0], /no field has the number 0/],
    [[0x0b, 0x0c], /wire type 3/],
    [[0x09, 1, 2], /longer than its message/],
  ];
  for (const [bytes, reason] of cases)
    for (const variant of ["sotw", "delta"] as const)
      assert.throws(() => decodeRequest(variant, Buffer.from(bytes)), { code: "MB_XDS_REQUEST_INVALID", message: reason });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom("sotw" as const, "delta" as const), (bytes, variant) => {
      try {
        decodeRequest(variant, Buffer.from(bytes));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "MB_XDS_REQUEST_INVALID");
      }
    }),
    { numRuns: 2000 },
  );
});

test("fields of every other kind are passed over", () => {
  const others = Buffer.from([0xf8, 0x07, 0xff, 0x01, 0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8, 0xfd, 0x07, 1, 2, 3, 4]);
  const { request } = decodeRequest("delta", Buffer.concat([others, delta, others]));
  assert.deepEqual(request.variant === "delta" && request.subscribe, ["a"]);
});
