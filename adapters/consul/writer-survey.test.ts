import assert from "node:assert/strict";
import { test } from "node:test";
import type { SurveyedRecord } from "../../src/sidecar/writer.ts";
import type { Answer, ConsulWriteClient, Query } from "./client.ts";
import { createSurvey } from "./writer-survey.ts";

const NAMES = { registry: "consul", address: "http://c" };
const NODE = "meshbridge-east";

function rowOf(id: string, owner: string, { node = NODE, session = true, checks = [] as readonly object[] } = {}) {
  const meta = { "meshbridge-owner": owner, "meshbridge-epoch": "1", "meshbridge-origin": "east" };
  return {
    Node: { Node: node, Meta: session ? { "meshbridge-lease": "session" } : {} },
    Service: { ID: id, Service: "web", Address: "10.0.0.1", Port: 80, Tags: [], Meta: meta },
    Checks: checks,
  };
}

/** A Consul with one service, whose answers are as the fields say. */
function setUp() {
  const world = {
    rows: [] as readonly object[],
    sessions: [] as readonly object[],
    health: [] as readonly object[],
    reply: { filteredByAcls: false, knownLeader: true },
    puts: [] as { path: string; query: Query; body: object | undefined }[],
    self: "agent-1",
    paths: [] as string[],
  };
  const bodyOf = (path: string): unknown => {
    if (path === "/catalog/services") return { web: [] };
    if (path === "/agent/self") return { Config: { NodeName: world.self } };
    if (path === "/health/service/web") return world.rows;
    if (path.startsWith("/health/node/")) return world.health;
    return path === `/session/node/${NODE}` ? world.sessions : [];
  };
  const answer = (body: unknown): Answer => ({ reply: { ...world.reply, body, index: "1", lastContactMs: 0 } });
  const client: ConsulWriteClient = {
    names: NAMES,
    async get(path) {
      world.paths.push(path);
      return answer(bodyOf(path));
    },
    async put(path, query, body) {
      world.puts.push({ path, query, body });
      return answer(true);
    },
  };
  const { signal } = new AbortController();
  const survey = createSurvey(client, { dc: "dc2" });
  return {
    world,
    survey: (cluster = "east") => survey.survey(cluster, signal),
    purge: (record: SurveyedRecord) => survey.purge(record, signal),
  };
}

test("in a catalog the sessions on the node say who lives; another cluster's records are not meant", async () => {
  const { world, survey } = setUp();
  world.rows = [rowOf("web-1", "east/shop/web-1/u1"), rowOf("web-2", "east/shop/web-2/u2"), rowOf("web-3", "west/a/b/c")];
  world.sessions = [{ Name: "east/shop/web-1/u1" }];
  assert.deepEqual(
    (await survey()).map(({ key, lease, evidence }) => [key, lease, evidence]),
    [
      [`${NODE}/web-1`, "fresh", `its owner has a session on node ${NODE}`],
      [`${NODE}/web-2`, "over", `its owner has no session on node ${NODE}`],
    ],
  );
  assert.equal(world.paths.filter((path) => path.startsWith("/session/node/")).length, 1, "a node is asked once");
});

test("on an agent's node its checks say so; where nothing does, it is unknown", async () => {
  const { world, survey } = setUp();
  const check = (id: string, status: string) => ({ CheckID: id, Status: status });
  const of = (...checks: readonly object[]) => rowOf("web-1", "east/p", { node: "n", session: false, checks });
  world.rows = [
    of(check("serfHealth", "passing"), check("meshbridge:web-1", "passing")),
    of(check("serfHealth", "passing"), check("meshbridge:web-1", "critical")),
    of(check("serfHealth", "critical"), check("meshbridge:web-1", "passing")),
    of(check("serfHealth", "passing")),
  ];
  assert.deepEqual(
    (await survey()).map(({ lease }) => lease),
    ["fresh", "over", "over", "unknown"],
  );
});

test("an answer that lacks something is none: it may lack what shows the life", async () => {
  const { world, survey } = setUp();
  world.reply.filteredByAcls = true;
  await assert.rejects(survey(), { code: "MB_REGISTRY_REFUSED", message: /may not see all of \/catalog\/services/ });
  world.reply = { filteredByAcls: false, knownLeader: false };
  await assert.rejects(survey(), /no leader/);
});

test("a catalog's orphan is removed from the catalog, in its datacentre", async () => {
  const { world, survey, purge } = setUp();
  world.rows = [rowOf("web-2", "east/shop/web-2/u2")];
  const [orphan] = await survey();
  assert.ok(orphan);
  assert.equal(await purge(orphan), undefined);
  const body = { Node: NODE, ServiceID: "web-2", Datacenter: "dc2" };
  assert.deepEqual(world.puts, [{ path: "/catalog/deregister", query: { dc: "dc2" }, body }]);
});

test("whoever came to life meanwhile, or has changed the record, keeps it; what is gone already is done", async () => {
  const { world, survey, purge } = setUp();
  world.rows = [rowOf("web-2", "east/shop/web-2/u2")];
  const [orphan] = await survey();
  assert.ok(orphan);
  world.sessions = [{ Name: "east/shop/web-2/u2" }];
  assert.match((await purge(orphan)) ?? "", /changed/);
  world.sessions = [];
  world.rows = [rowOf("web-2", "east/shop/web-9/u9")];
  assert.match((await purge(orphan)) ?? "", /changed/);
  world.rows = [];
  assert.equal(await purge(orphan), undefined);
  assert.deepEqual(world.puts, []);
});

test("what an agent holds goes by that agent alone: another one would only see it come back", async () => {
  const { world, survey, purge } = setUp();
  const checks = [{ CheckID: "meshbridge:web-1", Status: "critical" }];
  world.rows = [rowOf("web-1", "east/p", { node: "agent-2", session: false, checks })];
  world.health = [{ CheckID: "serfHealth", Status: "passing" }];
  const [orphan] = await survey();
  assert.ok(orphan);
  assert.match((await purge(orphan)) ?? "", /agent of node agent-2 lives/);
  assert.deepEqual(world.puts, []);
  world.self = "agent-2";
  assert.equal(await purge(orphan), undefined);
  assert.deepEqual(
    world.puts.map(({ path }) => path),
    ["/agent/service/deregister/web-1"],
  );
});
