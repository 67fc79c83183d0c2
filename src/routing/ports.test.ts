import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServicePort } from "../model/service.ts";
import { selectPort } from "./ports.ts";

const port = (name: string, number: number, protocol: ServicePort["protocol"] = "HTTP"): ServicePort => ({
  name,
  port: number,
  protocol,
  inferred: false,
});

for (const [name, ports, wanted, expected] of [
  ["by name", [port("a", 1), port("b", 2)], "b", "b"],
  ["by number", [port("a", 1), port("b", 2)], 2, "b"],
  ["by number given as text", [port("a", 1), port("b", 2)], "2", "b"],
  ["a name that looks like a number wins", [port("2", 1), port("b", 2)], "2", "2"],
  ["without a wish: the only one", [port("tcp", 1, "TCP")], undefined, "tcp"],
  ["without a wish: the first HTTP one", [port("db", 1, "TCP"), port("web", 2)], undefined, "web"],
  ["a port that is not there", [port("a", 1)], "x", undefined],
  ["no ports at all", [], undefined, undefined],
] as const) {
  test(name, () => {
    assert.equal(selectPort(ports, wanted)?.name, expected);
  });
}
