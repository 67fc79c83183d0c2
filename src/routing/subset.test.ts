import assert from "node:assert/strict";
import { test } from "node:test";
import { fitsLabels } from "./subset.ts";

const labels = { "dubbo.group": "g1", "dubbo.methods": "get,put", empty: "" };

for (const [wanted, fits] of [
  [{}, true],
  [{ "dubbo.group": "g1" }, true],
  [{ "dubbo.group": "g" }, false],
  [{ "dubbo.group": "g1", "dubbo.methods": "put" }, true],
  [{ "dubbo.methods": "get,put" }, true],
  [{ "dubbo.methods": "pu" }, false],
  [{ empty: "" }, true],
  [{ "dubbo.version": "1.0.0" }, false],
  [{ constructor: "Object" }, false],
] as const)
  test(`${JSON.stringify(wanted)} ${fits ? "fits" : "does not fit"}`, () => {
    assert.equal(fitsLabels(labels, wanted), fits);
  });
