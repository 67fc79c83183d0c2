import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { type ConnectSettings, createConnect } from "./connect.ts";
import type { TransportOptions } from "./connection.ts";
import { modelZooKeeper } from "./testing.ts";

const dir = await mkdtemp(join(tmpdir(), "zookeeper-connect-"));
after(() => rm(dir, { recursive: true, force: true }));

/** Connects as often as asked, and returns what the transport was made with each time. */
function setUp(settings: ConnectSettings) {
  const model = modelZooKeeper();
  const made: TransportOptions[] = [];
  const connect = createConnect(settings, { name: "zk", baseDir: dir, clock: fakeClock(), log: silentLog }, (options) => {
    made.push(options);
    return model.connect;
  });
  const request = { host: "h", port: 1, session: undefined, onWatch: () => undefined, signal: new AbortController().signal };
  return { made, connect: () => connect(request) };
}

test("the defaults: 30 s, no credentials, no TLS, one transport for all connections", async () => {
  const { made, connect } = setUp({});
  await connect();
  await connect();
  assert.deepEqual(
    made.map(({ registry, sessionTimeoutMs, auth, tls }) => ({ registry, sessionTimeoutMs, auth, tls })),
    [{ registry: "zk", sessionTimeoutMs: 30_000, auth: [], tls: undefined }],
  );
});

test("a secret is read again for every connection, and a new one counts at once", async () => {
  const { made, connect } = setUp({ auth: { secret: { fromFile: "secret" } }, sessionTimeout: "5s" });
  await assert.rejects(connect(), { code: "MB_SECRET_UNREADABLE", message: /registry zk.*the file secret.*no such file/ });
  for (const secret of ["reader:one\n", "reader:one", "reader:two"]) {
    await writeFile(join(dir, "secret"), secret);
    await connect();
  }
  const seen = made.map(({ auth }) => auth.map(({ scheme, credentials }) => `${scheme} ${credentials.reveal()}`));
  assert.deepEqual(seen, [["digest reader:one"], ["digest reader:two"]]);
  assert.equal(made[0]?.sessionTimeoutMs, 5000);
});

test("certificates are read when the transport asks for them", async () => {
  const { made, connect } = setUp({ tls: { caFile: "ca.pem", serverName: "zk.example.com" } });
  await connect();
  const read = made[0]?.tls;
  assert.ok(read !== undefined);
  await assert.rejects(read(), { code: "MB_TLS_INVALID" });
  await writeFile(join(dir, "ca.pem"), "PEM");
  assert.deepEqual(await read(), { ca: Buffer.from("PEM"), servername: "zk.example.com" });
});
