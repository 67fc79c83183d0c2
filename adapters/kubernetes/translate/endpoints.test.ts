import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeSlices } from "./endpoints.ts";
import { readPorts } from "./ports.ts";
import { createRejections } from "./rejections.ts";
import { kubeEndpoint, kubeService, kubeSlice, slicePort } from "./testing.ts";

test("one address that is no Pod's has a bounded number of processes behind it", () => {
  const slices = Array.from({ length: 200 }, (_, index) =>
    kubeSlice([kubeEndpoint("192.0.2.10")], { name: `s${index}`, ports: [slicePort({ port: 1000 + index })] }),
  );
  const rejections = createRejections();
  const ports = readPorts(kubeService(), slices, { defaultProtocol: "TCP", rejections });
  const copies = mergeSlices(slices, { ports, publishNotReady: false, rejections });
  assert.deepEqual([copies[0]?.id, copies[1]?.id, copies.length], ["192.0.2.10", "192.0.2.10#1001", 64]);
  assert.deepEqual(rejections.list(), [{ record: "192.0.2.10", reason: "more than 64 processes behind one address" }]);
});
