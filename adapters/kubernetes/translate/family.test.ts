import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseFamilies } from "./family.ts";
import { kubeEndpoint } from "./testing.ts";
import type { Copy, Family, Standing } from "./types.ts";

function copy(address: string, podName: string | undefined, standing: Standing = "ready"): Copy {
  const family: Family = address.includes(":") ? "ipv6" : "ipv4";
  const endpoint = kubeEndpoint(address, { podName });
  return { id: podName ?? address, family, endpoint, standing, ports: new Map([["http", 8080]]) };
}

const shown = (copies: readonly Copy[]) => copies.map(({ id, endpoint }) => [id, endpoint.address]);

test("a Pod that is called like another endpoint's address keeps its id", () => {
  const copies = [copy("10.0.0.1", undefined), copy("10.0.0.2", "10.0.0.1"), copy("10.0.0.3", "10.0.0.1~2")];
  const expected = [
    ["10.0.0.1", "10.0.0.2"],
    ["10.0.0.1~2", "10.0.0.3"],
    ["10.0.0.1~3", "10.0.0.1"],
  ];
  assert.deepEqual(shown(chooseFamilies(copies, "ipv4")), expected);
  assert.deepEqual(shown(chooseFamilies([...copies].reverse(), "ipv4")), expected);
});

test("the preferred family stands for the Pod even when it is gone there: the other slice is only behind", () => {
  const copies = [copy("10.0.0.1", "a", "gone"), copy("fd00::1", "a", "ready")];
  assert.deepEqual(
    chooseFamilies(copies, "ipv4").map(({ standing }) => standing),
    ["gone"],
  );
});

test("endpoints that are no Pods: the preferred family, else the other, or both", () => {
  const [four, six] = [copy("192.0.2.1", undefined), copy("2001:db8::1", undefined)];
  assert.deepEqual(chooseFamilies([four, six], "ipv6"), [six]);
  assert.deepEqual(chooseFamilies([six], "ipv4"), [six]);
  assert.deepEqual(chooseFamilies([four, six], "both"), [four, six]);
});
