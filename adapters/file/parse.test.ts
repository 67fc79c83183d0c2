import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { parseYaml } from "../../src/kernel/yaml-document.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { createFileParser, type FileReading, placedProblems, problemLine, recordPlace } from "./parse.ts";
import { readRecord } from "./record.ts";
import { splitServices } from "./split.ts";

const settings = registrySettings({
  namespace: "shop",
  network: "n1",
  locality: { region: "eu", zone: "a", subZone: "r1" },
  trusted: true,
  holdForMs: 1,
});
const parser = (breathe = async () => true) => createFileParser(settings, breathe);

/** All that a reading says, in a comparable form. */
function summary(reading: FileReading): unknown {
  const problems = [...reading.problems, ...(reading.records ?? []).flatMap(placedProblems)];
  const records = reading.records?.map((placed) => {
    const { scope, service } = placed.reading;
    const rejected = service?.rejected.map((one) => `${recordPlace("f", placed, one)} ${one.reason}`);
    return { scope, place: recordPlace("f", placed), service: { ...service, rejected } };
  });
  return { records, problems: problems.map((problem) => problemLine("f", problem)) };
}

/** The same file parsed as one document, by the shortest way there is. */
function whole(text: string): unknown {
  const result = parseYaml(text);
  if ("problems" in result)
    return {
      records: undefined,
      problems: result.problems.map((p) => problemLine("f", { position: p, path: [], message: p.message })),
    };
  const { value, positionOf } = result.document;
  const { services } = value as { readonly services: readonly unknown[] };
  const records = services.map((service, index) => ({
    reading: readRecord(service, (path, of) => positionOf(["services", index, ...path], of), settings),
    lineOffset: 0,
    index,
  }));
  return summary({ records, problems: [] });
}

const name = fc.oneof(fc.constantFrom("web", "api"), fc.string());
const instance = fc.record(
  {
    address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
    ports: fc.dictionary(fc.constantFrom("http", "grpc", "x"), fc.oneof(fc.integer(), fc.double(), fc.string())),
    weight: fc.oneof(fc.integer(), fc.double()),
    labels: fc.dictionary(fc.string(), fc.oneof(fc.string({ unit: "binary" }), fc.integer())),
    odd: fc.anything({ maxDepth: 1, withBigInt: false, values: [fc.string(), fc.integer()] }),
  },
  { requiredKeys: ["address"], noNullPrototype: true },
);
const record = fc.record(
  {
    name,
    namespace: fc.oneof(fc.constant("default"), fc.integer()),
    ports: fc.array(fc.record({ name: fc.constantFrom("http", "grpc"), port: fc.oneof(fc.integer(), fc.constant("x")) }), {
      maxLength: 2,
    }),
    instances: fc.array(instance, { maxLength: 3 }),
  },
  { requiredKeys: ["name"], noNullPrototype: true },
);

test("a file read in pieces says what it says as a whole, with the same lines", async () => {
  let inPieces = 0;
  const property = fc.asyncProperty(
    fc.array(record, { minLength: 1, maxLength: 4 }),
    fc.constantFrom(0, 2, 4),
    fc.constantFrom("", "# a comment\n\n", "\n"),
    async (services, indentSeq, head) => {
      const text =
        head +
        stringify({ services }, { indentSeq: indentSeq > 0, indent: Math.max(2, indentSeq), aliasDuplicateObjects: false });
      if (splitServices(text) !== undefined) inPieces++;
      assert.deepEqual(summary(await parser().parse(text, "yaml")), whole(text));
    },
  );
  await fc.assert(property, { numRuns: 500 });
  assert.ok(inPieces > 400, `only ${inPieces} of 500 were read in pieces`);
});

test("so does a file somebody is in the middle of editing", async () => {
  const base = stringify({
    services: [
      { name: "web", ports: [{ name: "http", port: 80 }], instances: [{ address: "10.0.0.1" }] },
      { name: "api", ports: [] },
    ],
  });
  const edit = fc.record({
    at: fc.nat(base.length),
    cut: fc.nat(6),
    put: fc.oneof(fc.stringMatching(/^[-[\]{}:,&*!|>"'# \na-c]{0,8}$/), fc.constant("---\n")),
  });
  const property = fc.asyncProperty(fc.array(edit, { maxLength: 3 }), async (edits) => {
    let text = base;
    for (const { at, cut, put } of edits) text = text.slice(0, at) + put + text.slice(at + cut);
    if (splitServices(text) === undefined) return;
    assert.deepEqual(summary(await parser().parse(text, "yaml")), whole(text), JSON.stringify(text));
  });
  // An item that is nothing but a comment: it stands on its own line, not on the list's.
  const commentedOut: [Parameters<typeof property.run>[0][0]] = [
    [
      { at: 124, cut: 2, put: "" },
      { at: 116, cut: 0, put: "#" },
    ],
  ];
  await fc.assert(property, { numRuns: 3000, examples: [commentedOut] });
});

for (const [title, text] of [
  ["a list in brackets", "services: [ { name: a } ]\n"],
  ["another key at the top", "services:\n  - name: a\nother: 1\n"],
  ["a key before it", "version: 1\nservices:\n  - name: a\n"],
  ["two documents", "services:\n- name: a\n---\nservices: []\n"],
  ["an anchor on the list", "services: &all\n  - name: a\n"],
  ["a hash that begins no comment", "services:#\n  - name: a\n"],
  ["no list at all", "services:\n"],
  ["a map in place of the list", "services:\n  name: a\n"],
  ["an item further out", "services:\n    - name: a\n  - name: b\n"],
  ["nothing", ""],
] as const)
  test(`${title} is not cut`, () => {
    assert.equal(splitServices(text), undefined);
  });

test("lines are counted through comments, blank lines and Windows line ends", () => {
  const text = "# head\r\nservices: # all\r\n\r\n  - name: a\r\n    ports: []\r\n# between\r\n\r\n  -\r\n    name: b\r\n";
  assert.deepEqual(
    splitServices(text)?.map(({ line }) => line),
    [4, 8],
  );
});

test("anchors across records are read all the same", async () => {
  const text = "services:\n  - name: a\n    ports: &p [ { name: http, port: 80 } ]\n  - name: b\n    ports: *p\n";
  const reading = await parser().parse(text, "yaml");
  assert.deepEqual(
    reading.records?.map((placed) => placed.reading.service?.ports.length),
    [1, 1],
  );
});

test("only records whose text changed are parsed anew", async () => {
  const records = Array.from({ length: 200 }, (_, index) => `  - name: s${index}\n    ports: []\n`);
  let turns = 0;
  const it = parser(async () => ++turns > 0);
  const first = await it.parse(`services:\n${records.join("")}`, "yaml");
  assert.equal(turns, 10);
  records[100] = "  - name: changed\n    ports: []\n";
  const second = await it.parse(`# moved down a line\nservices:\n${records.join("")}`, "yaml");
  assert.equal(turns, 10);
  assert.equal(second.records?.[100]?.reading.scope, "shop/changed");
  assert.equal(second.records?.[99]?.reading, first.records?.[99]?.reading);
  assert.equal(second.records?.[99]?.lineOffset, (first.records?.[99]?.lineOffset ?? 0) + 1);
});

test("the same text is not looked at again", async () => {
  const it = parser();
  assert.equal(await it.parse("services: []\n", "yaml"), await it.parse("services: []\n", "yaml"));
});

test("it stops when nobody wants the result", async () => {
  const records = Array.from({ length: 100 }, (_, index) => `  - name: s${index}\n    ports: []\n`);
  assert.equal((await parser(async () => false).parse(`services:\n${records.join("")}`, "yaml")).records, undefined);
});

test("JSON is read as JSON, and its problems have paths", async () => {
  const good = await parser().parse(
    '{"services":[{"name":"web","ports":[{"name":"http","port":80}],"instances":[{"address":"::1"}, 5]}]}',
    "json",
  );
  const [record] = good.records ?? [];
  assert.equal(record?.reading.service?.instances[0]?.id, "[::1]:80");
  const [rejected] = record?.reading.service?.rejected ?? [];
  assert.equal(record && recordPlace("f.json", record, rejected), "f.json services[0].instances[1]");
  const bad = await parser().parse('{"services":[\n  {"name":"web","ports":80}\n]}', "json");
  assert.deepEqual(
    bad.records?.flatMap(placedProblems).map((problem) => problemLine("f.json", problem)),
    ["f.json  services[0].ports  must be a list, got the number 80"],
  );
  const broken = await parser().parse('{"services":[\n5}', "json");
  assert.match(
    problemLine("f.json", broken.problems[0] ?? { position: undefined, path: [], message: "" }),
    /^f\.json:2:2 {2}not JSON: /,
  );
});

test("what is not written is filled in from the registry's settings", async () => {
  const text = `services:
  - name: web
    ports: [ { name: http, port: 80 }, { name: admin, port: 81, protocol: TCP } ]
    labels: { team: a }
    instances:
      - { address: 10.0.0.1 }
      - { address: 10.0.0.2, ports: { http: 9001 }, locality: { zone: b } }
      - { address: 10.0.0.3, ports: { http: 70000 }, locality: { region: us }, cluster: c2, network: n2, health: draining, weight: 0, id: x }
      - { address: 10.0.0.4, locality: { subZone: r2 } }
`;
  const service = (await parser().parse(text, "yaml")).records?.[0]?.reading.service;
  assert.deepEqual(service?.key, { namespace: "shop", name: "web" });
  assert.deepEqual(service?.labels, { team: "a" });
  assert.deepEqual(service?.ports, [
    { name: "http", port: 80, protocol: "HTTP", inferred: false },
    { name: "admin", port: 81, protocol: "TCP", inferred: false },
  ]);
  assert.deepEqual(
    service?.instances.map(({ id, ports, locality, cluster, network, health, weight }) => [
      id,
      ports,
      Object.values(locality).join("/"),
      cluster,
      network,
      health,
      weight,
    ]),
    [
      ["10.0.0.1:80,81", { http: 80, admin: 81 }, "eu/a/r1", "c1", "n1", "healthy", 1],
      ["10.0.0.2:9001", { http: 9001 }, "eu/b/", "c1", "n1", "healthy", 1],
      // Numbers out of range and a weight of 0 are for the gate that every registry passes.
      ["x", { http: 70000 }, "us//", "c2", "n2", "draining", 0],
      ["10.0.0.4:80,81", { http: 80, admin: 81 }, "eu/a/r2", "c1", "n1", "healthy", 1],
    ],
  );
  assert.deepEqual(service?.rejected, []);
});
