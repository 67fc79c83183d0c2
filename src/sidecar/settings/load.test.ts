import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { MeshbridgeError } from "../../kernel/errors.ts";
import type { WriterKind } from "../writer.ts";
import { parseSidecarConfig } from "./load.ts";

const kind = (name: string): WriterKind => ({
  kind: name,
  description: "For tests.",
  schema: Type.Object({ address: Type.Optional(Type.String()) }),
  open: () => assert.fail("it is not opened"),
});
const KINDS = [kind("consul"), kind("zookeeper")];

const GOOD = `cluster: east
readiness:
  probes:
    - tcp: {port: 8080}
services:
  - name: web
    port: 8080
targets:
  - name: c
    kind: consul
    address: http://x
`;

/** The problems of a text, as lines. */
function problems(text: string): readonly string[] {
  try {
    parseSidecarConfig(text, "s.yaml", KINDS);
  } catch (error) {
    if (error instanceof MeshbridgeError) return String(error.details["problems"]).split("\n");
    throw error;
  }
  return [];
}

test("a good file has its defaults filled in", () => {
  const file = parseSidecarConfig(GOOD, "s.yaml", KINDS);
  assert.equal(file.drain, "5s");
  assert.equal(file.listen, "127.0.0.1:9920");
  assert.deepEqual(file.targets, [{ name: "c", kind: "consul", address: "http://x" }]);
});

test("every problem has its line and its field", () => {
  assert.deepEqual(problems(GOOD.replace("port: 8080\ntargets", "port: 0\n    wieght: 2\ntargets")), [
    "s.yaml:7:11  services[0].port  must be a whole number from 1 to 65535, got 0",
    's.yaml:8:5  services[0].wieght  unknown key; did you mean "weight"? Allowed here: address, labels, name, port, ports, protocol, region, tags, targets, weight, zone',
  ]);
  assert.match(problems(GOOD.replace("kind: consul", "kind: etcd"))[0] ?? "", /^s.yaml:10:11 {2}targets\[0\].kind/);
});

test("what a schema cannot say: templates, names of targets, the address", () => {
  const text = GOOD.replace("name: web", 'name: "{lable.app}"\n    targets: [d]').concat(
    "  - {name: c, kind: zookeeper}\nlisten: nowhere\n",
  );
  assert.deepEqual(
    problems(text).map((line) => line.replace(/^s.yaml:\d+:\d+ {2}/, "").split("  ")[0]),
    ["services[0].name", "services[0].targets[0]", "targets[1].name", "listen"],
  );
});

test("something must say whether the workload is ready", () => {
  const without = GOOD.replace(/readiness:[\s\S]*?services:/, "services:");
  assert.match(problems(without)[0] ?? "", /readiness {2}needs `probes`/);
  assert.deepEqual(problems(`${without}kubernetes: {}\n`), []);
});

test("what is no YAML, and nothing at all, are told", () => {
  assert.match(problems("a: [")[0] ?? "", /^s.yaml:1:/);
  assert.equal(problems("").length, 1);
});
