import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { checkSchema } from "../../src/kernel/schema-check.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { optionsBySettings } from "./from-settings.ts";
import { CONNECTION_SETTINGS, PathSchema, SERVICE_SETTINGS } from "./schema.ts";
import { parseServer } from "./servers.ts";
import { modelZooKeeper } from "./testing.ts";

const schema = Type.Object({ ...CONNECTION_SETTINGS, ...SERVICE_SETTINGS }, { additionalProperties: false });
const accepts = (value: unknown) => checkSchema(schema, value).length === 0;

const servers = [
  "zk1",
  "zk1:2181",
  "zk1:65535",
  "zk1:65536",
  "zk1:99999",
  "zk1:0",
  "[::1]:2181",
  "[::1]",
  "::1",
  "a,b",
  "a/b",
  "",
];
for (const server of servers)
  test(`the schema and the adapter agree about the server "${server}"`, () => {
    assert.equal(accepts({ servers: [server] }), parseServer(server) !== undefined);
  });

const settings: readonly (readonly [unknown, boolean])[] = [
  [{}, true],
  [{ chroot: "/prod/eu" }, true],
  [{ chroot: "prod" }, false],
  [{ chroot: "/" }, false],
  [{ auth: { secret: { fromEnv: "ZK" } } }, true],
  [{ auth: { secret: "reader:secret" } }, false],
  [{ auth: { scheme: "sasl", secret: { fromEnv: "ZK" } } }, false],
  [{ tls: {} }, true],
  [{ transport: "package" }, true],
  [{ transport: "native" }, false],
  [{ server: "zk1" }, false],
];
for (const [value, expected] of settings)
  test(`${JSON.stringify(value)} is ${expected ? "" : "not "}accepted`, () => assert.equal(accepts(value), expected));

test("a path of services begins with a slash and does not end with one", () => {
  const fine = ["/dubbo", "/a/b c/d", "dubbo", "/dubbo/", "//a", "/"].filter(
    (path) => checkSchema(PathSchema, path).length === 0,
  );
  assert.deepEqual(fine, ["/dubbo", "/a/b c/d"]);
});

test("what the settings do not say is filled in", () => {
  const signal = new AbortController().signal;
  const context = {
    ...{ name: "zk", settings: registrySettings(), baseDir: "/", signal, log: silentLog, clock: fakeClock() },
    random: () => 0,
  };
  const { connect } = modelZooKeeper();
  const { servers: found, providerSessionTimeoutMs, lookup, isMeant } = optionsBySettings({}, context, connect);
  assert.deepEqual([found, providerSessionTimeoutMs], [[{ host: "127.0.0.1", port: 2181 }], 60_000]);
  assert.ok(lookup !== undefined && isMeant("anything"));
  const said = optionsBySettings(
    { servers: ["a:1", "b"], resolve: false, exclude: ["x*"], providerSessionTimeout: "5s" },
    context,
    connect,
  );
  assert.deepEqual(
    [said.servers.length, said.lookup, said.isMeant("xy"), said.providerSessionTimeoutMs],
    [2, undefined, false, 5000],
  );
});
