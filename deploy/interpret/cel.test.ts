import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../json/value.ts";
import { type CelType, type CelValue, compileCel } from "./cel.ts";

const WIDGET: JsonObject = {
  metadata: { name: "w", generation: 3, labels: { "app.kubernetes.io/name": "x" } },
  spec: { size: 3, ratio: 0.5 },
  status: {
    up: 3,
    phase: "Running",
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Old", status: "False" },
    ],
    ["__proto__"]: { x: 1 },
  },
};

const TABLE: readonly (readonly [text: string, type: CelType, value: CelValue])[] = [
  ["object.status.up >= object.spec.size", "bool", true],
  ["object.spec.size == 3 && object.spec.ratio < 1.0", "bool", true],
  ["object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", "bool", true],
  ["object.status.conditions.all(c, c.status == 'True')", "bool", false],
  ["has(object.status.url)", "bool", false],
  ["has(object.status.url) ? 1 : object.spec.size + 1", "number", 4],
  ["object.spec.ratio", "number", 0.5],
  ["size(object.status.conditions)", "number", 2],
  ["object.metadata.labels['app.kubernetes.io/name']", "text", "x"],
  ["'phase ' + object.status.phase", "text", "phase Running"],
  // What cannot be worked out has no value.
  ["object.status.url == 'x'", "bool", undefined],
  ["object.status.phase", "number", undefined],
  ["object.spec.size / 0", "number", undefined],
  ["object.spec.constructor == 'x'", "bool", undefined],
  ["object.spec.toString", "text", undefined],
];
for (const [text, type, value] of TABLE)
  test(`${text} as ${type} is ${value}`, () => assert.equal(compileCel(text, type)(WIDGET), value));

const REFUSED: readonly (readonly [text: string, type: CelType, reason: RegExp])[] = [
  ["1 +", "bool", /is no CEL expression of a bool/],
  ["self.spec", "bool", /Unknown variable: self/],
  ["'text'", "bool", /it is a string/],
  ["size(object) > 1", "number", /it is a bool/],
  ["object.a.exists(x, object.a.exists(y, x == y))", "bool", /might run for long/],
  ["object.a.map(x, object.b.filter(y, y > x)).size()", "number", /might run for long/],
  ["object.a.matches('(a+)+b')", "bool", /might run for long/],
  [`object.a${" + 1".repeat(400)}`, "number", /is no CEL expression/],
];
for (const [text, type, reason] of REFUSED)
  test(`refuses ${text.slice(0, 60)}`, () => assert.throws(() => compileCel(text, type), reason));
