import assert from "node:assert/strict";
import { test } from "node:test";
import { Node } from "../../gen/envoy/config/core/v3/base.ts";
import { DeltaDiscoveryResponse, DiscoveryResponse, Resource } from "../../gen/envoy/service/discovery/v3/discovery.ts";
import { makeResource } from "../resource.ts";
import { TYPE_URL } from "../types.ts";
import { PREFIX_BYTES } from "./frames.ts";
import { encodeResponse } from "./response.ts";
import { ttlFor } from "./ttl.ts";

const CLUSTER = TYPE_URL.cluster;
const web = makeResource(CLUSTER, "web", Buffer.from("body"));
const response = { typeUrl: CLUSTER, nonce: "n", version: "v", resources: [web], removed: [], ttlMs: 3500 };
const beat = { ...response, resources: [], bare: [web] };
const decoded = <T>(variant: "delta" | "sotw", codec: { decode(bytes: Uint8Array): T }, message: typeof response | typeof beat) =>
  codec.decode(encodeResponse(variant, message).subarray(PREFIX_BYTES));

test("E1 delta: a TTL beside the resource; a heartbeat is its name and version without a body", () => {
  const [whole] = decoded("delta", DeltaDiscoveryResponse, response).resources;
  assert.deepEqual(whole?.ttl, { seconds: 3, nanos: 500_000_000 });
  assert.equal(Buffer.from(whole?.resource?.value ?? []).toString(), "body");
  const { resources, nonce } = decoded("delta", DeltaDiscoveryResponse, beat);
  assert.equal(nonce, "n");
  assert.deepEqual(
    resources.map((one) => [one.name, one.version, one.resource, one.ttl?.seconds]),
    [["web", web.version, undefined, 3]],
  );
});

test("E1 SotW: wrapped, since only a wrapped resource can have a TTL; its version is the response's", () => {
  for (const message of [response, beat]) {
    const { resources, versionInfo, nonce } = decoded("sotw", DiscoveryResponse, message);
    assert.deepEqual(
      [versionInfo, nonce, resources[0]?.typeUrl.split("/")[1]],
      ["v", "n", "envoy.service.discovery.v3.Resource"],
    );
    const one = Resource.decode(resources[0]?.value ?? new Uint8Array());
    assert.deepEqual([one.name, one.version, one.ttl?.seconds], ["web", "v", 3]);
    assert.equal(one.resource === undefined, message === beat);
  }
});

test("E1 only clients that say they know of it get a TTL; SotW ones must be able to unwrap as well", () => {
  const node = (...clientFeatures: string[]) => Node.fromPartial({ id: "n", clientFeatures });
  const known = "xds.config.supports-resource-ttl";
  const wrapped = "xds.config.resource-in-sotw";
  assert.equal(ttlFor(node(), "delta", 3000), undefined);
  assert.equal(ttlFor(node(wrapped), "sotw", 3000), undefined);
  assert.equal(ttlFor(node(known), "sotw", 3000), undefined);
  assert.equal(ttlFor(node(known), "delta", undefined), undefined);
  assert.deepEqual(ttlFor(node(known), "delta", 3000), { typeUrl: CLUSTER, ms: 3000 });
  assert.deepEqual(ttlFor(node(known, wrapped), "sotw", 10), { typeUrl: CLUSTER, ms: 1000 });
});
