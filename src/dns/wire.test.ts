/** Bytes: what hostile ones do, and how large an answer may be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "dns-packet";
import fc from "fast-check";
import { propertyRuns } from "../kernel/property-runs.ts";
import { createSourceLimits, sourceKey } from "./limits.ts";
import { answerText, dnsWorld, instanceOf, queryBytes, serviceOf } from "./testing.ts";
import { parseQuery } from "./wire.ts";

const big = Array.from({ length: 40 }, (_, index) => instanceOf(`10.0.0.${index + 1}`));
const world = dnsWorld({ services: [serviceOf("shop/web", [instanceOf("10.0.0.1")]), serviceOf("shop/big", big)] });
const respond = (bytes: Buffer, transport: "udp" | "tcp" = "udp") => world.responder.respond(bytes, "10.1.0.9", transport);
const QUERY = queryBytes("web.shop.mesh.local", "A");

test("an answer byte by byte: header, the question as it was written, one record", () => {
  assert.equal(
    respond(queryBytes("WEB.shop.mesh.local", "A"))?.toString("hex"),
    // id 4711, QR AA RD, no RA, NOERROR; 1 question, 1 answer; A IN; TTL 5; 10.0.0.1
    `1267${"8500"}0001000100000000${"035745420473686f70046d657368056c6f63616c00"}00010001${"035745420473686f70046d657368056c6f63616c00"}00010001000000050004${"0a000001"}`,
  );
});

test("whatever comes in, nothing is thrown, and what comes out is an answer to it and no bomb", () => {
  const mutated = fc
    .tuple(
      fc.constantFrom(QUERY, queryBytes("web.shop.mesh.local", "A", { subnet: "10.0.0.0" })),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
      fc.nat(80),
    )
    .map(([query, edits, cut]) => {
      const bytes = Buffer.from(query);
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      return bytes.subarray(0, Math.max(0, bytes.length - (cut > 60 ? cut - 60 : 0)));
    });
  const random = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(mutated, random), fc.constantFrom("udp" as const, "tcp" as const), (bytes, transport) => {
      const reply = respond(bytes, transport);
      if (reply === undefined) return;
      assert.equal(reply.readUInt16BE(0), bytes.readUInt16BE(0));
      assert.ok((reply.readUInt16BE(2) & 0x8000) !== 0, "it is a response");
      assert.ok((reply.readUInt16BE(2) & 0x0080) === 0, "recursion is not offered");
      assert.ok(transport === "tcp" || reply.length <= 1232);
      decode(reply);
    }),
    { numRuns: propertyRuns(3000) },
  );
});

const hostile: readonly (readonly [string, Buffer, string])[] = [
  ["a response", encode({ type: "response", id: 1, questions: [{ type: "A", name: "web.shop.mesh.local" }] }), "nothing"],
  ["too short", Buffer.alloc(11), "nothing"],
  ["too long", Buffer.concat([QUERY, Buffer.alloc(4096)]), "nothing"],
  ["65,535 records announced", edited(6, 0xffff), "FORMERR:"],
  ["65,535 additional records announced", edited(10, 0xffff), "FORMERR:"],
  ["two questions", edited(4, 2), "FORMERR:"],
  ["no question", edited(4, 0), "FORMERR:"],
  ["an update", edited(2, 0x2800), "NOTIMP:"],
  ["a name that points at itself", Buffer.concat([QUERY.subarray(0, 12), Buffer.from("c00c00010001", "hex")]), "FORMERR:"],
  ["a label with a dot in it", withName(Buffer.from("\x08web.shop\x04mesh\x05local\x00", "latin1")), "FORMERR:"],
  ["a label of foreign bytes", withName(Buffer.from("\x03\xff\xfe\xfd\x04mesh\x05local\x00", "latin1")), "FORMERR:"],
  ["a class that is not IN", Buffer.concat([QUERY.subarray(0, QUERY.length - 1), Buffer.from([3])]), "REFUSED:"],
];

function edited(at: number, value: number): Buffer {
  const bytes = Buffer.from(QUERY);
  bytes.writeUInt16BE(value, at);
  return bytes;
}

function withName(name: Buffer): Buffer {
  return Buffer.concat([QUERY.subarray(0, 12), name, QUERY.subarray(-4)]);
}

for (const [what, bytes, expected] of hostile)
  test(`hostile: ${what}`, () => {
    const reply = respond(bytes);
    assert.equal(reply === undefined ? "nothing" : answerText(decode(reply)), expected);
  });

test("EDNS of another version is BADVERS, in its two halves", () => {
  const bytes = Buffer.from(queryBytes("web.shop.mesh.local", "A", { udpSize: 1232 }));
  // The version is the second byte of the TTL of the OPT, which ends the packet: ttl(4) rdlength(2).
  bytes[bytes.length - 5] = 1;
  const reply = respond(bytes);
  assert.ok(reply !== undefined);
  const [opt] = decode(reply).additionals ?? [];
  assert.ok(opt?.type === "OPT");
  assert.deepEqual([opt.extendedRcode, reply.readUInt16BE(2) & 0xf], [1, 0]);
});

test("what does not fit is truncated over UDP, and whole over TCP", () => {
  const srv = "_http._tcp.big.shop.mesh.local";
  assert.equal(world.ask(srv, "SRV"), "NOERROR: TC");
  assert.match(world.ask(srv, "SRV", { transport: "tcp" }), /^(NOERROR: )?(.*SRV 0 1 8080 ){15}/);
  assert.equal((world.ask("big.shop.mesh.local", "A").match(/A 10/g) ?? []).length, 0, "512 bytes are too few for 16");
  assert.equal((world.ask("big.shop.mesh.local", "A", { udpSize: 4096 }).match(/A 10/g) ?? []).length, 16);
});

test("a subnet that is no address, or longer than one, counts for nothing", () => {
  const parsed = parseQuery(queryBytes("web.shop.mesh.local", "A", { subnet: "10.2.0.0" }));
  assert.ok(parsed.kind === "query");
  assert.equal(parsed.query.edns?.subnet?.address, "10.2.0.0");
  const bytes = Buffer.from(queryBytes("web.shop.mesh.local", "A", { subnet: "10.2.0.0" }));
  bytes[bytes.length - 5] = 200;
  const odd = parseQuery(bytes);
  assert.equal(odd.kind === "query" ? odd.query.edns?.subnet : undefined, undefined);
});

test("a source above its limit is told every other time to come over TCP, and recovers; loopback has no limit", () => {
  const limits = createSourceLimits({ queriesPerSecond: 10 });
  const verdicts = (source: string, at: number, count: number) =>
    Array.from({ length: count }, () => limits.verdict(source, at)).join(" ");
  assert.equal(verdicts("10.0.0.1", 0, 20), Array(20).fill("answer").join(" "));
  assert.equal(verdicts("10.0.0.200", 0, 4), "drop slip drop slip", "its neighbours are the same source");
  assert.equal(verdicts("10.0.1.1", 0, 1), "answer");
  assert.equal(verdicts("10.0.0.1", 1000, 11), `${Array(10).fill("answer").join(" ")} drop`);
  assert.equal(verdicts("127.0.0.1", 0, 100), Array(100).fill("answer").join(" "));
});

test("sources: an IPv4 /24, an IPv6 /56, and an IPv4 address written as IPv6 is the same", () => {
  assert.equal(sourceKey("10.0.0.7"), sourceKey("::ffff:10.0.0.9"));
  assert.equal(sourceKey("2001:db8::1"), sourceKey("2001:db8:0:ff::1"));
  assert.notEqual(sourceKey("2001:db8::1"), sourceKey("2001:db8:0:100::1"));
  assert.equal(sourceKey("::1"), undefined);
});
