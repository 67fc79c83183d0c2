/** The verbs that ask a running bridge, against the real admin app over a state that stands still. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { createAdminApp } from "../../admin/app.ts";
import { proxy, TEST_NOW, testState, typeStatus } from "../../admin/testing/state.ts";
import { fakeClock } from "../../kernel/fake-clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { TYPE_URL } from "../../xds/types.ts";
import { runCommand } from "../testing/run.ts";
import { closedAddress } from "../testing/stub-bridge.ts";

let app: FastifyInstance;
let address: string;

before(async () => {
  const nacked = typeStatus(TYPE_URL.cluster, {
    status: "NACKED",
    nacks: 1,
    lastNack: { message: "bad\u001b[2J cluster", at: TEST_NOW },
  });
  const state = testState({ proxies: () => [proxy("gateway-edge-1"), proxy("sidecar-1", { types: [nacked] })] });
  app = await createAdminApp(state, { log: silentLog });
  address = await app.listen({ host: "127.0.0.1", port: 0 });
});
after(() => app.close());

const run = (...words: string[]) => runCommand([...words, "--admin", address], { clock: fakeClock(TEST_NOW) });

/** First column of each line of a table, without its heading. */
const firstColumn = (table: string) =>
  table
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.split("   ")[0]);

test("services: one line each, sorted; filters are the API's", async () => {
  const all = await run("services");
  assert.equal(all.code, 0);
  assert.equal(
    all.stdout,
    [
      "SERVICE       PORTS                       HEALTHY   HELD   REGISTRIES",
      "default/web   admin:9090/TCP,http:80/HTTP 2/3       1      local,consul-eu",
      "shop/cart     admin:9090/TCP,http:80/HTTP 0/0       0      -",
      "",
    ]
      .join("\n")
      .replaceAll("HTTP ", "HTTP   ")
      .replace("PORTS                       ", "PORTS                         "),
  );
  assert.deepEqual(firstColumn((await run("services", "-n", "shop")).stdout), ["shop/cart"]);
  assert.deepEqual(firstColumn((await run("services", "-q", "we")).stdout), ["default/web"]);
  const none = await run("services", "-n", "nowhere");
  assert.equal(none.stdout, "");
  assert.match(none.stderr, /No services/);
});

test("services NAME: its instances; a held one says so; the namespace is default unless written", async () => {
  const { stdout, stderr, code } = await run("services", "web");
  assert.equal(code, 0);
  assert.deepEqual(firstColumn(stdout), ["web-1", "web-2", "web-3"]);
  assert.match(stdout, /web-2 .*healthy, held/);
  assert.match(stderr, /1 records were left out: meshbridge explain default\/web/);
});

test("registries: the state with its reason; what failed and what to do on stderr", async () => {
  const { stdout, stderr } = await run("registries");
  assert.match(stdout, /consul-eu {3}consul {3}suspect \(acl-filtered\) {3}5s ago/);
  assert.match(stdout, /zk {10}consul {3}stale +never +unknown/);
  assert.match(
    stdout,
    /parts of consul-eu:\n {2}dc1: live, age 5s, served as they are\n {2}dc2: suspect \(acl-filtered\), age 5s/,
  );
  assert.match(stderr, /zk: MB_REGISTRY_UNREACHABLE: registry zk did not answer\n {2}next: nothing is removed/);
});

test("proxies: a column a type; with a node its types, and why it refused, without control characters", async () => {
  const list = await run("proxies");
  assert.deepEqual(firstColumn(list.stdout), ["gateway-edge-1", "sidecar-1"]);
  assert.match(list.stdout, /gateway-edge-1 {3}gateway edge {3}SYNCED {3}SYNCED {3}SYNCED {3}SYNCED {3}1m ago/);
  const one = await run("ps", "sidecar-1");
  assert.match(one.stdout, /CDS {4}NACKED/);
  assert.match(one.stderr, /CDS was refused: bad/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there.
  assert.doesNotMatch(one.stderr, /\u001b/);
});

test("explain: every instance with its verdict and why, what was left out, and who has it", async () => {
  const { stdout } = await run("explain", "default/web", "--node", "gateway-edge-1");
  assert.match(stdout, /web-1 +kept +0 +1 +healthy +local\/.* its registry names it; in the client's zone/);
  assert.match(stdout, /web-2 +held +1 .*degraded/);
  assert.match(stdout, /web-3 +excluded .*on network other/);
  assert.match(stdout, /left out:\n {2}web-9 in consul-eu\/dc1\/web: port 70000/);
  assert.match(stdout, /proxies:\n {2}gateway-edge-1: acked/);
});

test("dump: names as a table, everything as JSON", async () => {
  const table = await run("dump", "gateway-edge-1");
  assert.deepEqual(firstColumn(table.stdout), ["clusters", "endpoints"]);
  const json = await run("dump", "gateway-edge-1", "clusters", "-o", "json");
  assert.deepEqual(JSON.parse(json.stdout), [
    { type: "clusters", name: "default/web/http", version: "a1", resource: { name: "default/web/http", type: "EDS" } },
  ]);
});

test("check: what fails, what is only to be noticed, each with a next step; exit 1", async () => {
  const { stdout, code } = await run("check");
  assert.equal(code, 1);
  assert.equal(
    stdout,
    [
      "× config running: line 3",
      "    correct the lines",
      "‼ registries consul-eu: suspect (acl-filtered): 1 of 1 services, 2 instances are held",
      "    see docs/runbooks/registry-suspect.md",
      "√ registries local: live, 1 services, 2 instances",
      "× registries zk: stale: MB_REGISTRY_UNREACHABLE: registry zk did not answer",
      "    nothing is removed",
      "√ catalog served: 2 services, 1 instances held",
      "× proxies updates: refused by sidecar-1",
      "    meshbridge proxies sidecar-1 shows why",
      "",
    ].join("\n"),
  );
});

test("every list and view is JSON and YAML for programs", async () => {
  for (const words of [["services"], ["services", "web"], ["registries"], ["proxies"], ["explain", "web"], ["check"]]) {
    const { stdout } = await run(...words, "-o", "json");
    assert.doesNotThrow(() => JSON.parse(stdout), words.join(" "));
    assert.ok((await run(...words, "-o", "yaml")).stdout.length > 0);
  }
});

for (const [name, words, code, message] of [
  [
    "a service that is not there, with what is near",
    ["explain", "default/wep"],
    1,
    /MB_NOT_FOUND: there is no service called default\/wep\n {2}next: .*default\/web/,
  ],
  ["a service whose records were all left out", ["explain", "default/ghost"], 1, /MB_SERVICE_REJECTED.*ghost-1/],
  ["a proxy that is not connected", ["dump", "gateway-edge-2"], 1, /MB_NOT_FOUND: .*gateway-edge-2\n {2}next: .*gateway-edge-1/],
  ["a name that is none", ["services", "a/b/c"], 2, /MB_USAGE: "a\/b\/c" is not a service/],
  ["a verb that is none", ["servises"], 2, /MB_USAGE: .*servises/],
] as const) {
  test(`${name}: a sentence, a next step, exit ${code}`, async () => {
    const outcome = await run(...words);
    assert.equal(outcome.code, code);
    assert.equal(outcome.stdout, "");
    assert.match(outcome.stderr, message);
    assert.match(outcome.stderr, /next: /);
  });
}

test("a bridge that is not there: exit 3", async () => {
  const outcome = await runCommand(["services", "--admin", await closedAddress()]);
  assert.equal(outcome.code, 3);
  assert.match(
    outcome.stderr,
    /MB_BRIDGE_UNREACHABLE: no bridge answers at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*\n {2}next: start it with/,
  );
});

test("protection: what is held and until when; release says how many went, and an unknown registry is an error", async () => {
  const held = await run("protection");
  assert.equal(held.code, 0);
  assert.match(held.stdout, /consul-eu\s+default\/web\s+web-2\s+acl-filtered\s+1m30s ago\s+when answers are proof/);
  assert.match(held.stdout, /local\s+default\/api\s+api-1\s+mass-drop\s+30s ago\s+in 90 s/);
  const released = await run("protection", "release", "consul-eu", "--service", "default/web");
  assert.deepEqual([released.code, released.stdout], [0, "1 released\n"]);
  const unknown = await run("protection", "release", "nowhere");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /MB_NOT_FOUND/);
});

test("drain, drains, undrain: traffic away from a cluster for a while, and back", async () => {
  const refused = await run("drain", "web", "--cluster", "c1");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /MB_DRAIN_LAST/);
  const forced = await run("drain", "web", "--cluster", "c1", "--force", "--ttl", "5m");
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(forced.stdout, /default\/web +c1 +operator +3 +acked +0s ago +in 300 s/);
  assert.deepEqual(firstColumn((await run("drains")).stdout), ["default/web"]);
  const ended = await run("undrain", "web", "--cluster", "c1");
  assert.equal(ended.stdout, "default/web is no longer drained in c1 by operator\n");
  assert.equal((await run("undrain", "web", "--cluster", "c1")).code, 1);
  assert.equal((await run("drain", "web", "--cluster", "c1", "--ttl", "long")).code, 2);
});
