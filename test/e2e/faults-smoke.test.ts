/** A dozen cells of the fault matrix (`npm run faults`), with short faults: no endpoint may leave that nobody took away. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runCell } from "../faults/cell.ts";
import { REGISTRY_KINDS } from "../faults/driver.ts";
import { FAULTS } from "../faults/faults.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("consul", "zookeeper", "etcd", "kubernetes");

/** Each kind of harm once, each registry four times. */
const CELLS = [
  ["consul", "restart-empty"],
  ["consul", "revoked"],
  ["consul", "mass-drop"],
  ["consul", "reset"],
  ["zookeeper", "sigstop"],
  ["zookeeper", "expired"],
  ["zookeeper", "restart-old"],
  ["zookeeper", "disk-full"],
  ["kubernetes", "black-hole"],
  ["kubernetes", "expired"],
  ["kubernetes", "rotated"],
  ["kubernetes", "last-leaves"],
] as const;

describe("registries in trouble, all three read by one bridge", { skip }, () => {
  for (const [kind, name] of CELLS) {
    const fault = FAULTS.find((one) => one.name === name);
    assert.ok(fault, name);
    test(`${kind}: ${fault.title}`, async () => {
      const { broken } = await runCell({ kind, fault, short: true, kinds: REGISTRY_KINDS });
      assert.deepEqual(broken, []);
    });
  }
});
