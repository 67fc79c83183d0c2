import assert from "node:assert/strict";
import { test } from "node:test";
import type { PartStatus } from "../../registry/status.ts";
import { ask } from "../testing/ask.ts";
import { registry, TEST_NOW } from "../testing/state.ts";

const part = (name: string, state: PartStatus["state"]) => ({
  ...{ name, state, suspectReason: undefined, ageMs: 2000, staleness: "fresh" as const, lastError: undefined },
});

test("links in both directions: what is read, by way of whom, and who reads", async () => {
  const { body } = await ask("/v1/links", {
    registries: () => [
      registry("to-eu-2", { kind: "meshbridge", state: "live", parts: [part("eu-2", "live"), part("us-1", "stale")] }),
      registry("local", { kind: "file" }),
    ],
    links: () => ({
      cluster: "eu-1",
      peers: [
        { name: "eu-2", identities: ["DNS:bridge.eu-2.test"] },
        { name: "us-1", identities: ["DNS:bridge.us-1.test"] },
      ],
      readers: [{ peer: "eu-2", address: "10.0.0.1:5000", since: TEST_NOW, groups: 3, markedAt: TEST_NOW }],
      peerOf: new Map([["to-eu-2", "eu-2"]]),
    }),
  });
  assert.equal(body.cluster, "eu-1");
  assert.deepEqual(
    body.reads.map(({ name, peer, origins }: { name: string; peer: string; origins: { cluster: string; state: string }[] }) => [
      name,
      peer,
      origins.map(({ cluster, state }) => `${cluster} ${state}`),
    ]),
    [["to-eu-2", "eu-2", ["eu-2 live", "us-1 stale"]]],
  );
  assert.deepEqual(
    body.peers.map(({ name, streams }: { name: string; streams: { groups: number }[] }) => [
      name,
      streams.map(({ groups }) => groups),
    ]),
    [
      ["eu-2", [3]],
      ["us-1", []],
    ],
  );
});
