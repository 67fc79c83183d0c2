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
const beat = { ...response, resources: [], kept: [web] };
const decoded = (message: typeof response | typeof beat) =>
  DeltaDiscoveryResponse.decode(Buffer.concat(encodeResponse("delta", message)).subarray(PREFIX_BYTES));

test("E1 delta: a TTL beside the resource; a heartbeat is its name and version without a body", () => {
  const [whole] = decoded(response).resources;
  assert.deepEqual(whole?.ttl, { seconds: 3, nanos: 500_000_000 });
  assert.equal(Buffer.from(whole?.resource?.value ?? []).toString(), "body");
  const { resources, nonce } = decoded(beat);
  assert.equal(nonce, "n");
  assert.deepEqual(
    resources.map((one) => [one.name, one.version, one.resource, one.ttl?.seconds]),
    [["web", web.version, undefined, 3]],
  );
});

test("E1 sotw: wrapped with a TTL; a heartbeat is all of it again", () => {
  for (const message of [response, beat]) {
    const bytes = Buffer.concat(encodeResponse("sotw", message)).subarray(PREFIX_BYTES);
    const { resources, versionInfo, typeUrl, nonce } = DiscoveryResponse.decode(bytes);
    assert.deepEqual([versionInfo, typeUrl, nonce], ["v", CLUSTER, "n"]);
    assert.deepEqual(
      resources.map(({ typeUrl: wrapped }) => wrapped),
      ["type.googleapis.com/envoy.service.discovery.v3.Resource"],
    );
    const { name, version, resource, ttl } = Resource.decode(resources[0]?.value ?? new Uint8Array());
    assert.deepEqual([name, version, resource?.typeUrl, ttl?.seconds], ["web", web.version, CLUSTER, 3]);
    assert.equal(Buffer.from(resource?.value ?? []).toString(), "body");
  }
});

test("E1 only clients that say they know of it get a TTL", () => {
  const node = (...clientFeatures: string[]) => Node.fromPartial({ id: "n", clientFeatures });
  const known = "xds.config.supports-resource-ttl";
  assert.equal(ttlFor(node(), "delta", 3000), undefined);
  assert.equal(ttlFor(node(known), "sotw", 3000), undefined, "it has not said that it takes wrapped resources");
  const wrapped = "xds.config.supports-resource-in-sotw";
  assert.deepEqual(ttlFor(node(known, wrapped), "sotw", 3000), { typeUrl: CLUSTER, ms: 3000 });
  assert.equal(ttlFor(node(known), "delta", undefined), undefined);
  assert.deepEqual(ttlFor(node(known), "delta", 3000), { typeUrl: CLUSTER, ms: 3000 });
  assert.deepEqual(ttlFor(node(known), "delta", 10), { typeUrl: CLUSTER, ms: 1000 });
});
