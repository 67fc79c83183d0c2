import assert from "node:assert/strict";
import { test } from "node:test";
import { DiscoveryResponse } from "../../gen/envoy/service/discovery/v3/discovery.ts";
import { makeResource } from "../resource.ts";
import { TYPE_URL } from "../types.ts";
import { PREFIX_BYTES } from "./frames.ts";
import { encodeResponse } from "./response.ts";

test("E4 SotW: what is missing is an error NOT_FOUND of its name, beside what is there", () => {
  const typeUrl = TYPE_URL.endpoint;
  const web = makeResource(typeUrl, "web", Buffer.from("body"));
  const message = { typeUrl, nonce: "n", version: "v", resources: [web], removed: [], missing: ["nobody"] };
  const read = DiscoveryResponse.decode(Buffer.concat(encodeResponse("sotw", message)).subarray(PREFIX_BYTES));
  assert.deepEqual([read.versionInfo, read.typeUrl, read.nonce], ["v", typeUrl, "n"]);
  assert.deepEqual(
    read.resources.map((one) => [one.typeUrl, Buffer.from(one.value).toString()]),
    [[typeUrl, "body"]],
  );
  assert.deepEqual(
    read.resourceErrors.map(({ resourceName, errorDetail }) => [resourceName?.name, errorDetail?.code, errorDetail?.message]),
    [["nobody", 5, "the bridge has no ClusterLoadAssignment of this name for this client"]],
  );
});
