import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../json/value.ts";
import { demandOf, roomOf } from "./room.ts";

const ready = [{ type: "Ready", status: "True" }];
const node = (name: string, more: JsonObject = {}, conditions = ready): JsonObject => ({
  metadata: { name },
  spec: more,
  status: { conditions, allocatable: { cpu: "2", memory: "4Gi", pods: "10" } },
});
const pod = (nodeName: string, cpu: string, phase = "Running"): JsonObject => ({
  spec: { nodeName, containers: [{ resources: { requests: { cpu, memory: "1Gi" } } }] },
  status: { phase },
});

test("a node's room is what its running Pods leave; what takes no Pods has none", () => {
  const nodes = [
    node("a"),
    node("cordoned", { unschedulable: true }),
    node("tainted", { taints: [{ key: "x", effect: "NoSchedule" }] }),
    node("avoided", { taints: [{ key: "x", effect: "PreferNoSchedule" }] }),
    node("down", {}, [{ type: "Ready", status: "False" }]),
  ];
  const pods = [pod("a", "500m"), pod("a", "1"), pod("a", "2", "Succeeded"), pod("b", "1")];
  assert.deepEqual(roomOf(nodes, pods), [
    { cpuMilli: 500, memoryBytes: 2 * 2 ** 30, pods: 8 },
    { cpuMilli: 2000, memoryBytes: 4 * 2 ** 30, pods: 10 },
  ]);
});

test("a replica asks for its containers together, or for its largest init container", () => {
  const request = (cpu: string) => ({ resources: { requests: { cpu } } });
  const spec = { containers: [request("100m"), request("0.2"), {}], initContainers: [request("1"), request("250m")] };
  assert.deepEqual(demandOf(spec), { cpuMilli: 1000, memoryBytes: 0 });
  assert.deepEqual(demandOf(undefined), { cpuMilli: 0, memoryBytes: 0 });
});
