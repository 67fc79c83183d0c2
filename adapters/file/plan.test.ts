import assert from "node:assert/strict";
import { test } from "node:test";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { createFileParser } from "./parse.ts";
import { type Known, type Plan, planFiles } from "./plan.ts";

const settings = registrySettings({ trusted: true, holdForMs: 1 });

/** A file as `web:1 api:2`: services and the port of their one instance; `bad` is a bad record of the name after it. */
type Files = Readonly<Record<string, string | undefined>>;

function record(word: string): string {
  const [name, port] = word.split(":");
  if (port === "bad") return `  - { name: ${name}, ports: 1 }\n`;
  if (name === "nameless") return "  - { nam: x, ports: [] }\n";
  return `  - { name: ${name}, ports: [ { name: http, port: 80 } ], instances: [ { address: 10.0.0.1, ports: { http: ${port} } } ] }\n`;
}

async function plan(known: Known, files: Files): Promise<Plan> {
  const read = [];
  for (const [file, words] of Object.entries(files)) {
    const text = words === "" ? "services: []\n" : `services:\n${words?.split(" ").map(record).join("")}`;
    const reading = words === undefined ? undefined : await createFileParser(settings, async () => true).parse(text, "yaml");
    read.push({ file, reading });
  }
  return planFiles(known, read, "local");
}

const said = (event: RegistryEvent) => {
  if (event.type === "group") return `${event.group.service.name}:${event.group.instances[0]?.ports["http"]}`;
  return event.type === "gone" ? `gone ${event.source.scope}` : event.type;
};

for (const [title, before, now, want, complete] of [
  ["the first reading says everything", {}, { a: "web:1 api:2" }, ["web:1", "api:2"], true],
  ["an equal reading says nothing", { a: "web:1" }, { a: "web:1" }, [], true],
  ["only what changed is said", { a: "web:1 api:2" }, { a: "web:1 api:3" }, ["api:3"], true],
  ["what is no longer there is gone", { a: "web:1 api:2" }, { a: "web:1" }, ["gone default/api"], true],
  ["an empty list takes all away", { a: "web:1" }, { a: "" }, ["gone default/web"], true],
  ["an unreadable file takes nothing away", { a: "web:1" }, { a: undefined }, [], false],
  [
    "the readable file goes on alone",
    { a: "web:1", b: "api:1 x:1" },
    { a: undefined, b: "api:2" },
    ["api:2", "gone default/x"],
    false,
  ],
  ["a bad record keeps what it said", { a: "web:1 api:2" }, { a: "web:bad api:3" }, ["api:3"], false],
  ["a bad record that never said anything", {}, { a: "web:bad api:3" }, ["api:3"], false],
  ["a bad record beside a removal", { a: "web:1 api:2" }, { a: "web:bad" }, ["gone default/api"], false],
  [
    "a record without a name keeps all that is missing of its file",
    { a: "web:1", b: "x:1" },
    { a: "nameless", b: "" },
    ["gone default/x"],
    false,
  ],
  ["the first of two records counts", {}, { a: "web:1 web:2", b: "web:3" }, ["web:1"], true],
  ["the next one counts when the first goes", { a: "web:1", b: "web:3" }, { a: "", b: "web:3" }, ["web:3"], true],
  ["an unreadable first file still counts first", { a: "web:1", b: "web:3" }, { a: undefined, b: "web:4" }, [], false],
  ["a bad first record still counts first", { a: "web:1", b: "web:3" }, { a: "web:bad", b: "web:4" }, [], false],
  ["a bad record does not shut out another file's good one", { b: "web:3" }, { a: "web:bad", b: "web:4" }, ["web:4"], false],
  ["a service that moves between files", { a: "web:1", b: "" }, { a: "", b: "web:1" }, [], true],
] as readonly (readonly [string, Files, Files, readonly string[], boolean])[])
  test(title, async () => {
    const { known } = await plan(new Map(), before);
    const next = await plan(known, now);
    assert.deepEqual(next.events.map(said), want);
    assert.equal(next.complete, complete);
    assert.ok(next.events.every((event) => "evidence" in event && event.evidence.kind === "authoritative"));
  });

test("problems are told in the order of the files, with their lines", async () => {
  const { problems } = await plan(new Map(), { "a.yaml": "web:bad web:1", "b.yaml": "nameless web:2" });
  assert.deepEqual(problems, [
    "a.yaml:2:25  services[0].ports  must be a list, got the number 1",
    'b.yaml:2:7  services[0].nam  unknown key; did you mean "name"? Allowed here: instances, labels, name, namespace, ports',
    "b.yaml:2:5  services[0].name  is missing; it must be text",
    'b.yaml:3  the service "default/web" is already at a.yaml:3, which counts',
  ]);
});
