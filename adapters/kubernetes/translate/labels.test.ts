import assert from "node:assert/strict";
import { test } from "node:test";
import { groupLabels } from "./labels.ts";
import { kubeService } from "./testing.ts";

test("a Service's labels are bounded, so that they are never dropped as a whole", () => {
  const labels = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`l${String(index).padStart(3, "0")}`, "x"]));
  const kept = Object.keys(groupLabels(kubeService({ labels }), undefined));
  assert.deepEqual(kept.slice(0, 2), ["l000", "l001"]);
  assert.deepEqual(kept.slice(-2), ["l063", "kubernetes.namespace"]);
});

test("a key longer than labels may be is left out alone", () => {
  const long = `${"a".repeat(250)}/name`;
  assert.deepEqual(groupLabels(kubeService({ labels: { [long]: "x", app: "checkout" } }), undefined), {
    app: "checkout",
    "kubernetes.namespace": "shop",
  });
});

test("our labels win over the Service's", () => {
  const labels = { "kubernetes.namespace": "elsewhere", "meshbridge.io/traffic-distribution": "Nonsense" };
  const expected = { "kubernetes.namespace": "shop", "meshbridge.io/traffic-distribution": "PreferSameNode" };
  assert.deepEqual(groupLabels(kubeService({ labels }), "PreferSameNode"), expected);
});
