import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import type { Owner } from "../../src/sidecar/plan/record.ts";
import type { Registration } from "../../src/sidecar/registration.ts";
import { startTarget } from "../../src/sidecar/target.ts";
import type { Connect } from "./connection.ts";
import { modelZooKeeper } from "./testing.ts";
import { createNodeWriter } from "./writer.ts";
import { createNodes } from "./writer-nodes.ts";
import { WRITTEN_FORMATS, type WrittenFormat } from "./writer-record.ts";
import { purgeNode, surveyNodes } from "./writer-survey.ts";

const OWNER: Owner = { cluster: "east", instance: "shop/web-1/u1", epoch: 1 };
const SERVER = { host: "127.0.0.1", port: 2181 };
const PARENTS: Readonly<Record<WrittenFormat, string>> = {
  ...{ curator: "/root/com.acme.Web", spring: "/root/com.acme.Web", dubbo: "/root/com.acme.Web/providers" },
  ...{ "dubbo-app": "/root/com.acme.Web", serverset: "/root/com.acme.Web", json: "/root/com.acme.Web" },
};

function registration(startedAt: number, more: Partial<Registration> = {}): Registration {
  return {
    ...{ id: "web-1-u1-80", service: "com.acme.Web", address: "10.0.0.1", port: 80, ports: {}, protocol: undefined, weight: 1 },
    ...{ zone: undefined, region: undefined, tags: [], labels: {}, traffic: "in", origin: ["east"], startedAt, ...more },
  };
}

/** One process of the sidecar, with a session of its own. */
function startProcess(connect: Connect, format: WrittenFormat, owner = OWNER) {
  const [clock, stop] = [fakeClock(), new AbortController()];
  const context = { name: "zk", owner, baseDir: "/", log: silentLog, clock, random: () => 0.5 };
  const writer = createNodeWriter({ layout: { format, root: "/root", fields: {} }, servers: [SERVER], connect, context });
  const target = startTarget({ ...context, writer, signal: stop.signal, onChange: () => undefined });
  return {
    target,
    async wish(one: Registration) {
      target.wish({ synced: true, registrations: [one] });
      for (let turn = 0; turn < 50 && !target.state.settled; turn++) await clock.advance(100);
      assert.equal(target.state.settled, true, target.state.error?.message);
    },
    end: async () => {
      stop.abort();
      await target.ended;
    },
  };
}

/** As after SIGKILL: nobody says goodbye, and the session lives on. */
function withoutGoodbye(connect: Connect): Connect {
  return async (request) => {
    const connection = await connect(request);
    return { ...connection, close: async () => connection.abandon() };
  };
}

/** How many nodes there are after each change of them, as a client with a watch learns of them. */
async function watchNumbers(connect: Connect, parent: string): Promise<readonly number[]> {
  const numbers: number[] = [];
  const look = async (): Promise<void> => {
    numbers.push((await connection.getChildren(parent, true))?.children.length ?? 0);
  };
  const signal = new AbortController().signal;
  const connection = await connect({ ...SERVER, session: undefined, signal, onWatch: () => void look() });
  await look();
  return numbers;
}

for (const format of WRITTEN_FORMATS)
  test(`${format}: a process started again takes the place of its own node, whatever that was called`, async () => {
    const zk = modelZooKeeper();
    const first = startProcess(withoutGoodbye(zk.connect), format);
    await first.wish(registration(1000));
    await first.end();
    // The next has another start, and is configured otherwise.
    const numbers = await watchNumbers(zk.connect, PARENTS[format]);
    const second = startProcess(zk.connect, format);
    await second.wish(registration(2000, { labels: { team: "x" }, weight: 7 }));
    await second.wish(registration(2000, { labels: { team: "y" } }));
    const below = [...zk.dump()].filter(([path]) => path.startsWith(`${PARENTS[format]}/`));
    assert.equal(below.length, 1);
    assert.equal(below.flat().join().includes("10.0.0.1"), true);
    assert.deepEqual(new Set(numbers), new Set([1]), "neither none nor two were ever seen");
    await second.end();
  });

test("dubbo: a node of another owner is not taken for one's own of before", async () => {
  const zk = modelZooKeeper();
  const other = startProcess(zk.connect, "dubbo", { ...OWNER, instance: "shop/web-2/u2" });
  await other.wish(registration(1000));
  const mine = startProcess(zk.connect, "dubbo");
  await mine.wish(registration(2000, { address: "10.0.0.2" }));
  assert.equal([...zk.dump().keys()].filter((path) => path.startsWith("/root/com.acme.Web/providers/")).length, 2);
  await other.end();
  await mine.end();
});

for (const format of WRITTEN_FORMATS)
  test(`${format}: a survey tells what a session holds from what nobody does, and only that is purged as it was seen`, async () => {
    const zk = modelZooKeeper();
    const living = startProcess(zk.connect, format);
    await living.wish(registration(1000));
    // A copy of the tree, as after a restore elsewhere: the nodes are there, and no session.
    const copy = modelZooKeeper();
    for (const [path, data] of zk.dump()) if (path !== "/") copy.put(path, data);
    const surveyIn = async (connect: Connect) => {
      const signal = new AbortController().signal;
      const connection = await connect({ ...SERVER, session: undefined, signal, onWatch: () => undefined });
      const layout = { format, root: "/root", fields: {} };
      return { nodes: createNodes(connection), layout, records: await surveyNodes(createNodes(connection), layout, "east") };
    };
    const [here, there] = [await surveyIn(zk.connect), await surveyIn(copy.connect)];
    assert.deepEqual(
      [here, there].map(({ records }) => records.map(({ lease, service }) => [lease, service])),
      [[["fresh", "com.acme.Web"]], [["over", "com.acme.Web"]]],
    );
    const [orphan] = there.records;
    assert.ok(orphan);
    assert.match((await purgeNode(here.nodes, here.layout, orphan)) ?? "", /has changed/);
    assert.equal(await purgeNode(there.nodes, there.layout, orphan), undefined);
    assert.equal(copy.dump().has(orphan.key), false);
    await living.end();
  });
