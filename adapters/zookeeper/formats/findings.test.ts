/** One case for each finding: red on the frozen folder, green with the patch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createFormat, type FormatName } from "./index.ts";
import { readAll, sketch, treeView } from "./testing.ts";

const OPTIONS = { metadataRoot: "/dubbo/metadata", protocol: "HTTP", fields: undefined } as const;
const provider = (url: string, iface = "a.B") => `/dubbo/${iface}/providers/${encodeURIComponent(url)}`;
const rule = (url: string) => `/dubbo/a.B/configurators/${encodeURIComponent(url)}`;
const P = provider("dubbo://10.0.0.1:20880/a.B");
const HOST = "  10.0.0.1 dubbo=20880 healthy 100";
const spring = (address: string, metadata: object = {}) => ({ address, port: 8080, payload: { metadata } });
const dubbo = (address: string, more: object = {}) => ({
  ...{ address, port: 20880, ...more },
  payload: { metadata: { "dubbo.endpoints": '[{"port":20880,"protocol":"dubbo"}]' } },
});

const CASES: readonly (readonly [string, FormatName, string, Readonly<Record<string, unknown>>, readonly string[]])[] = [
  [
    "01 a provider that says disabled=true of itself is out",
    ...(["dubbo", "/dubbo", { [provider("dubbo://10.0.0.1:20880/a.B?disabled=true")]: null }] as const),
    ["a.B (a.B::) dubbo/TCP", "  !it is switched off (disabled=true)"],
  ],
  [
    "02 a rule for a host without a port is for a consumer",
    ...(["dubbo", "/dubbo", { [P]: null, [rule("override://10.0.0.1/a.B?disabled=true")]: null }] as const),
    ["a.B (a.B::) dubbo/TCP", HOST],
  ],
  [
    "03 a rule for any host and one port is for that port",
    ...(["dubbo", "/dubbo", { [P]: null, [rule("override://0.0.0.0:9/a.B?disabled=true")]: null }] as const),
    ["a.B (a.B::) dubbo/TCP", HOST],
  ],
  [
    "04 a rule's ~conditions must hold",
    ...(["dubbo", "/dubbo", { [P]: null, [rule("override://0.0.0.0/a.B?disabled=true&~region=b")]: null }] as const),
    ["a.B (a.B::) dubbo/TCP", HOST],
  ],
  [
    "05 an empty weight of a rule is none",
    ...(["dubbo", "/dubbo", { [P]: null, [rule("override://0.0.0.0/a.B?weight=")]: null }] as const),
    ["a.B (a.B::) dubbo/TCP", HOST],
  ],
  [
    "06 a rule that cannot be read is rejected",
    ...(["dubbo", "/dubbo", { [P]: null, "/dubbo/a.B/configurators/junk": null }] as const),
    ["a.B (a.B::) dubbo/TCP", HOST, "  !as a rule: its name is no Dubbo URL"],
  ],
  [
    "07 of two URLs of one place the newer counts",
    ...([
      "dubbo",
      "/dubbo",
      {
        [provider("dubbo://10.0.0.1:20880/a.B?timestamp=2000&weight=5")]: null,
        [provider("dubbo://10.0.0.1:20880/a.B?timestamp=9&weight=7")]: null,
      },
    ] as const),
    ["a.B (a.B::) dubbo/TCP", "  10.0.0.1 dubbo=20880 healthy 5"],
  ],
  [
    "08 a colon in a version or group makes no other service",
    ...([
      "dubbo",
      "/dubbo",
      {
        [provider("dubbo://10.0.0.1:20880/a.B?version=1:0&group=g")]: null,
        [provider("dubbo://10.0.0.2:20880/a.B?version=1&group=0:g")]: null,
      },
    ] as const),
    ["a.B (a.B:1%3A0:g) dubbo/TCP", HOST, "a.B (a.B:1:0%3Ag) dubbo/TCP", "  10.0.0.2 dubbo=20880 healthy 100"],
  ],
  [
    "10 Spring and Dubbo under one name, each read as what it is",
    ...([
      "services",
      "/services",
      {
        "/services/orders/1": dubbo("10.0.0.1"),
        "/services/orders/2": spring("10.0.0.2", { instance_status: "OUT_OF_SERVICE" }),
      },
    ] as const),
    ["orders (orders) dubbo/TCP http/HTTP", HOST, "  10.0.0.2 http=8080 draining 1"],
  ],
  [
    "11 a Dubbo instance with enabled: false is out",
    ...(["services", "/services", { "/services/orders/1": dubbo("10.0.0.1", { enabled: false }) }] as const),
    ["orders (orders)", "  !it is switched off (enabled: false)"],
  ],
  [
    "12 data of a service's own node takes no other service away",
    ...([
      "nerve",
      "/nerve",
      { "/nerve/web/1": { host: "10.0.0.1", port: 1 }, "/nerve/evil": { host: "10.6.6.6", port: 1 } },
    ] as const),
    ["nerve (nerve) http/HTTP", "  10.6.6.6 http=1 healthy 1", "web (web) http/HTTP", "  10.0.0.1 http=1 healthy 1"],
  ],
  [
    "13 a Dubbo root without interfaces holds no services",
    ...(["auto", "/dubbo", { "/dubbo/metadata/orders/r1": {}, "/dubbo/mapping/a.B": "orders", "/dubbo/config": null }] as const),
    [],
  ],
  [
    "14 a weight of 0 is no work, in every format",
    ...(["nerve", "/nerve", { "/nerve/web/1": { host: "10.0.0.1", port: 1, weight: 0 } }] as const),
    ["web (web) http/HTTP", "  10.0.0.1 http=1 draining 1"],
  ],
];

for (const [name, format, root, nodes, expected] of CASES)
  test(name, () => assert.deepEqual(readAll(createFormat(format, root, OPTIONS), treeView(nodes)).flatMap(sketch), expected));

test("09 two nodes whose names decode alike have two scopes", () => {
  const dubboView = treeView({ [P]: null, [provider("dubbo://10.6.6.6:1/a.B", "a%2EB")]: null });
  const services = treeView({ "/services/web/1": spring("10.0.0.1"), "/services/%77eb/1": spring("10.6.6.6") });
  for (const [format, root, view] of [
    ["dubbo", "/dubbo", dubboView],
    ["services", "/services", services],
  ] as const) {
    const scopes = readAll(createFormat(format, root, OPTIONS), view).map(({ scope }) => scope);
    assert.equal(new Set(scopes).size, 2, `${format}: ${scopes.join(" ")}`);
  }
});

test("15 what is shown of a record is on one line", () => {
  const [service] = readAll(createFormat("apisix-seed", "/seed", OPTIONS), treeView({ "/seed/a%0Ab": "x" }));
  assert.doesNotMatch(service?.rejected[0]?.record ?? "\n", /\n/);
});

test("16 interfaces with consumers only do not hide that a root is Dubbo's", () => {
  const nodes = Array.from({ length: 25 }, (_, at) => [`/dubbo/a.C${at}/consumers/x`, null]);
  const view = treeView({ ...Object.fromEntries(nodes), [provider("dubbo://10.0.0.1:20880/a.Z", "a.Z")]: null });
  const found = readAll(createFormat("auto", "/dubbo", OPTIONS), view).find(({ name }) => name === "a.Z");
  assert.equal(found?.instances.length, 1);
});
