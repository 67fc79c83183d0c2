/** Secrets and the HTTPS listeners that name them: what is taken, and what is said of what is not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { redact } from "./redact.ts";
import { configOf } from "./testing.ts";

const gateway = (listener: string) => `gateways: [ { name: edge, listeners: [ ${listener} ] } ]\n`;
const https = (tls: string) => gateway(`{ name: https, port: 443, protocol: HTTPS, tls: ${tls} }`);
const WEB = "secrets: [ { name: web, certFile: web.crt, keyFile: tls/web.key }, { name: staff, caFile: /etc/staff.pem } ]\n";

test("files are found beside the configuration; a listener's hosts are lower case", () => {
  const config = configOf(`${WEB}${https("[ { hosts: [A.Example.com], secret: web, clientCa: staff }, { secret: web } ]")}`);
  const nothing = { directory: undefined, kubernetes: undefined, clients: [] };
  assert.deepEqual(config.secrets, [
    { name: "web", certFile: "/etc/mb/web.crt", keyFile: "/etc/mb/tls/web.key", caFile: undefined, ...nothing },
    { name: "staff", certFile: undefined, keyFile: undefined, caFile: "/etc/staff.pem", ...nothing },
  ]);
  assert.deepEqual(config.traffic.gateways[0]?.listeners[0]?.tls, [
    { hosts: ["a.example.com"], secret: "web", clientCa: "staff" },
    { hosts: [], secret: "web", clientCa: undefined },
  ]);
});

test("what is shown of the configuration names secrets and hides what is one", () => {
  const shown = redact({ ...configOf(`${WEB}${https("{ secret: web }")}`).raw, registries: [{ secret: "hunter2" }] });
  assert.match(JSON.stringify(shown), /"secret":"web"/);
  assert.doesNotMatch(JSON.stringify(shown), /hunter2/);
});

for (const [what, text, expected] of [
  ["a certificate without its key", "secrets: [ { name: a, certFile: a.crt } ]", /needs keyFile beside it/],
  ["a key without its certificate", "secrets: [ { name: a, keyFile: a.key } ]", /needs certFile beside it/],
  ["no origin", "secrets: [ { name: a } ]", /needs certFile and keyFile, caFile, directory, or kubernetes/],
  ["two origins", "secrets: [ { name: a, caFile: a, directory: b } ]", /stands alone/],
  [
    "a registry that is not there",
    "secrets: [ { name: a, kubernetes: { registry: k, namespace: n, secret: s } } ]",
    /no registry is called "k"; there is none of kind kubernetes/,
  ],
  [
    "a registry without Secrets",
    "registries: [ { kind: file, name: f, path: x } ]\nsecrets: [ { name: a, kubernetes: { registry: f, namespace: n, secret: s } } ]",
    /of kind file, which has no Secrets/,
  ],
  ["two of one name", "secrets: [ { name: a, caFile: a }, { name: a, caFile: b } ]", /another secret is called "a"/],
  ["an allowance for everybody", "secrets: [ { name: a, caFile: a, clients: [ {} ] } ]", /would be every client/],
  ["HTTPS without tls", `${WEB}${gateway("{ name: x, port: 1, protocol: HTTPS }")}`, /HTTPS needs tls/],
  [
    "tls without HTTPS",
    `${WEB}${gateway("{ name: x, port: 1, tls: { secret: web } }")}`,
    /is for HTTPS listeners; this one is HTTP/,
  ],
  ["a secret that is not there", `${WEB}${https("{ secret: wbe }")}`, /no secret is called "wbe".*did you mean "web"/],
  ["no secrets at all", https("{ secret: web }"), /there are none in `secrets`/],
  ["authorities as certificate", `${WEB}${https("{ secret: staff }")}`, /"staff" has no certificate/],
  ["a certificate as authorities", `${WEB}${https("{ secret: web, clientCa: web }")}`, /"web" has no authorities/],
  [
    "a host twice",
    `${WEB}${https("[ { hosts: [a.x], secret: web }, { hosts: [A.x], secret: web } ]")}`,
    /"a.x" is in another entry/,
  ],
  ["every name twice", `${WEB}${https("[ { secret: web }, { secret: web } ]")}`, /another entry is for every other name/],
] as const)
  test(`refused: ${what}`, () => assert.throws(() => configOf(text), expected));
