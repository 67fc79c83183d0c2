import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Registration } from "../../src/sidecar/registration.ts";
import { foundOf, parseContent, recordOf } from "./writer-record.ts";

const OWNER = { cluster: "east", instance: "shop/web-1/u1", epoch: 3 };
const REGISTRATION: Registration = {
  ...{ id: "web-1-u1-80", service: "web", address: "10.0.0.1", port: 80, ports: { admin: 90 }, protocol: "http", weight: 5 },
  ...{ zone: "a", region: undefined, tags: ["v1"], labels: { team: "x" }, traffic: "in", origin: ["east"], startedAt: 0 },
};

/** The agent's row for what was written, as Consul 1.20 answers. */
function rowOf(content: string): object {
  const { id, service, address, port, tags, meta, weight } = parseContent(content);
  const row = { ID: id, Service: service, Address: address, Port: port, Tags: tags, Meta: meta };
  return { ...row, Weights: { Passing: weight, Warning: 1 }, EnableTagOverride: false, Datacenter: "dc1", ContentHash: "x" };
}

test("what was written is found again as the same, with its owner", () => {
  const record = recordOf(REGISTRATION, OWNER);
  const found = foundOf(rowOf(record.content), new Set());
  assert.equal(found?.content, record.content);
  assert.deepEqual(found?.owner, OWNER);
  assert.equal(found?.traffic, "in");
});

test("maintenance, another weight and another epoch are differences", () => {
  const record = recordOf(REGISTRATION, OWNER);
  assert.equal(foundOf(rowOf(record.content), new Set([record.key]))?.traffic, "out");
  for (const other of [recordOf({ ...REGISTRATION, weight: 6 }, OWNER), recordOf(REGISTRATION, { ...OWNER, epoch: 4 })])
    assert.notEqual(other.content, record.content);
});

test("a service that says of no owner, or says it wrong, is nobody's of ours", () => {
  const metas = [null, {}, { "meshbridge-owner": "east" }, { "meshbridge-owner": "/x", "meshbridge-epoch": "1" }];
  for (const Meta of [...metas, { "meshbridge-owner": "east/x", "meshbridge-epoch": "-1" }])
    assert.equal(foundOf({ ID: "a", Service: "web", Meta }, new Set())?.owner, undefined);
});

test("whatever an agent answers, nothing is thrown", () => {
  fc.assert(fc.property(fc.anything(), (row) => void foundOf(row, new Set())));
});
