import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { listAt, textAt, valueAt } from "../json/value.ts";
import { customResourceDefinitions } from "./crds.ts";
import { CLUSTER_RULES, WORKLOAD_RULES } from "./rules.ts";
import { structural } from "./structural.ts";

const plain = (schema: unknown) => structural(schema, CLUSTER_RULES, ["spec"]);

test("TypeBox's words become Kubernetes' own", () => {
  const text = { type: "string", maxLength: 1024 };
  assert.deepEqual(plain(Type.Object({ a: Type.String() }, { additionalProperties: false })), {
    ...{ type: "object", properties: { a: text }, required: ["a"] },
  });
  assert.deepEqual(plain(Type.Record(Type.String(), Type.String())), {
    ...{ type: "object", maxProperties: 10_000, additionalProperties: text },
  });
  assert.deepEqual(plain(Type.Object({}, { additionalProperties: true })), {
    ...{ type: "object", "x-kubernetes-preserve-unknown-fields": true },
  });
  assert.deepEqual(plain(Type.Enum(["a", "b"])), { type: "string", enum: ["a", "b"] });
  assert.deepEqual(plain(Type.Literal("a")), { type: "string", enum: ["a"] });
  assert.deepEqual(plain(Type.Union([Type.String(), Type.Null()])), { ...text, nullable: true });
  const number = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: "%$" })]);
  assert.deepEqual(plain(number), { minimum: 1, pattern: "%$", "x-kubernetes-int-or-string": true });
  assert.deepEqual(plain({ description: "any" }), { description: "any", "x-kubernetes-preserve-unknown-fields": true });
});

test("what Kubernetes has no word for is a fault here, not left out", () => {
  assert.throws(() => plain({ type: "string", multipleOf: 3 }), /no word for multipleOf/);
  assert.throws(() => plain(Type.Union([Type.Boolean(), Type.String()])), /no word for this choice/);
});

test("every rule stands at a field that there is", () => {
  const [workload] = customResourceDefinitions();
  const schema = valueAt(listAt(workload, "spec", "versions")[0], ["schema", "openAPIV3Schema"]);
  for (const [path, rules] of WORKLOAD_RULES) {
    const at = path.split(".").reduce((node, key) => valueAt(node, ["properties", key]) ?? {}, schema);
    assert.deepEqual(
      listAt(at, "x-kubernetes-validations").map((one) => textAt(one, "rule")),
      rules.map(([cel]) => cel),
      path,
    );
  }
});
