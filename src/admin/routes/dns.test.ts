import assert from "node:assert/strict";
import { test } from "node:test";
import type { DnsAnswer } from "../../dns/records.ts";
import type { BridgeState } from "../state.ts";
import { ask } from "../testing/ask.ts";
import { testState } from "../testing/state.ts";

const ANSWER: DnsAnswer = {
  rcode: "NOERROR",
  why: "the nearest",
  answers: [
    { type: "A", name: "web.shop.mesh.local", ttl: 5, data: "10.0.0.1" },
    { type: "SRV", name: "x", ttl: 5, data: { priority: 1, weight: 2, port: 3, target: "t" } },
    { type: "HINFO", name: "x", ttl: 5, data: { cpu: "RFC8482", os: "" } },
  ],
  authorities: [
    {
      ...{ type: "SOA", name: "mesh.local", ttl: 5 },
      data: { mname: "ns", rname: "h", serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 },
    },
  ],
  additionals: [],
};

test("an answer is shown as a zone file would write it, with who asks", async () => {
  const { neutralClient } = testState();
  const parts = {
    dns: {
      zones: () => ["mesh.local"],
      explain: (name: string, type: string, from: string) => {
        assert.deepEqual([name, type, from], ["web.shop.mesh.local", "A", "10.1.0.9"]);
        return { asker: { key: "", client: neutralClient() }, answer: ANSWER };
      },
    },
  } satisfies Partial<BridgeState>;
  const { body } = await ask("/v1/dns/answer?name=web.shop.mesh.local&from=10.1.0.9", parts);
  assert.deepEqual(
    body.answers.map(({ data }: { data: string }) => data),
    ["10.0.0.1", "1 2 3 t", '"RFC8482" ""'],
  );
  assert.equal(body.authorities[0].data, "ns h 1 2 3 4 5");
  assert.deepEqual((await ask("/v1/dns", parts)).body, { zones: ["mesh.local"] });
});

test("no name server is not found; what is no address or name is refused", async () => {
  assert.equal((await ask("/v1/dns/answer?name=a.b")).body.code, "MB_NOT_FOUND");
  assert.equal((await ask("/v1/dns/answer?name=a.b&from=nobody")).body.code, "MB_BAD_REQUEST");
  assert.equal((await ask("/v1/dns/answer?name=a%20b")).status, 400);
});
