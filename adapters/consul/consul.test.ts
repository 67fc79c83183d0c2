import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import type { ConsulSettings } from "./schema.ts";
import { type StubConsul, startStubConsul } from "./stub-consul.ts";
import { type Run, runConsul, sketch } from "./testing.ts";

const is = (text: string) => (event: RegistryEvent) => sketch(event) === text;

async function withRun(
  prepare: (stub: StubConsul) => void,
  body: (run: Run, stub: StubConsul) => Promise<void>,
  config: ConsulSettings & { readonly baseDir?: string } = {},
): Promise<void> {
  const stub = await startStubConsul();
  prepare(stub);
  const { baseDir = "/", ...settings } = config;
  const run = runConsul({ address: stub.url, wait: "200ms", ...settings }, { baseDir });
  try {
    await body(run, stub);
  } finally {
    await run.stop();
    await stub.stop();
  }
}

const web = (stub: StubConsul) => stub.put("web", [{ id: "w1", weight: 1 }]);
const WEB = "group dc1/web 10.0.0.9:80 authoritative";

test("a change that only the index shows is found: another weight, address, or instance", () =>
  withRun(web, async (run, stub) => {
    await run.until(is("synced authoritative"), "synced");
    stub.put("web", [{ id: "w1", weight: 7 }]);
    const weighed = await run.until((event) => event.type === "group" && event.group.instances[0]?.weight === 7, "the weight");
    stub.put("web", [{ id: "w1", address: "10.0.0.7" }]);
    await run.until(is("group dc1/web 10.0.0.7:80 authoritative"), "the address", weighed);
  }));

test("a service that loses rows to an access list is in doubt, and what vanishes from the list of services too", () =>
  withRun(
    (stub) => {
      web(stub);
      stub.put("api", [{ id: "a1" }]);
    },
    async (run, stub) => {
      const synced = await run.until(is("synced authoritative"), "synced");
      const filtered = { headers: { "x-consul-results-filtered-by-acls": "true" } };
      stub.trouble = ({ path }) => (path === "/health/service/web" || path === "/catalog/services" ? filtered : undefined);
      stub.put("web", []);
      stub.remove("api");
      await run.until(is("group dc1/web acl-filtered"), "the trimmed group", synced);
      await run.until(is("gone dc1/api acl-filtered"), "the vanished service", synced);
      const doubtful = await run.until(is("synced acl-filtered"), "synced in doubt", synced);
      stub.trouble = () => undefined;
      const cleared = await run.until(is("group dc1/web authoritative"), "the group without doubt", doubtful);
      await run.until(is("synced authoritative"), "synced without doubt", cleared);
    },
  ));

for (const [name, headers, reason] of [
  ["no known leader", { "x-consul-knownleader": "false" }, "no-leader"],
  ["an answer older than the bound", { "x-consul-lastcontact": "10001" }, "stale-read"],
] as const)
  test(`${name} proves nothing`, () =>
    withRun(
      (stub) => {
        web(stub);
        stub.trouble = ({ path }) => (path === "/catalog/services" ? { headers } : undefined);
      },
      async (run) => {
        await run.until(is(WEB), "the group");
        await run.until(is(`synced ${reason}`), "synced in doubt");
      },
    ));

test("an index that goes back puts everything in doubt until all has been read again", () =>
  withRun(web, async (run, stub) => {
    const synced = await run.until(is("synced authoritative"), "synced");
    stub.reset();
    const gone = await run.until(is("gone dc1/web index-went-back"), "the loss in doubt", synced);
    const again = await run.until((event) => event.type === "synced", "synced", gone);
    assert.equal(sketch(run.events[again] as RegistryEvent), "synced index-went-back");
    web(stub);
    await run.until(is("synced authoritative"), "synced without doubt", again + 1);
  }));

test("a server that comes back empty after a time of silence is noticed by its index", () =>
  withRun(web, async (run, stub) => {
    const synced = await run.until(is("synced authoritative"), "synced");
    await stub.breakDown();
    await run.until(is("degraded MB_REGISTRY_UNREACHABLE"), "degraded", synced);
    stub.reset();
    await stub.heal();
    const gone = await run.until((event) => event.type === "gone", "the loss", synced);
    assert.equal(sketch(run.events[gone] as RegistryEvent), "gone dc1/web index-went-back");
  }));

test("a refusal is told, with the wait that the server asks for", () =>
  withRun(
    (stub) => {
      web(stub);
      stub.trouble = () => ({ status: 429, headers: { "retry-after": "30" } });
    },
    async (run) => {
      const at = await run.until((event) => event.type === "degraded", "degraded");
      const event = run.events[at];
      assert.ok(event?.type === "degraded");
      assert.equal(event.error.code, "MB_REGISTRY_REFUSED");
      assert.equal(event.retryInMs, 30_000);
    },
  ));

test("a refused read of one service takes nothing away", () =>
  withRun(web, async (run, stub) => {
    await run.until(is("synced authoritative"), "synced");
    stub.trouble = ({ path }) => (path.startsWith("/health/service/") ? { status: 403, text: "ACL not found" } : undefined);
    stub.put("web", [{ id: "w1", weight: 9 }]);
    const at = await run.until((event) => event.type === "degraded", "degraded");
    assert.ok(run.events.slice(0, at).every((event) => event.type !== "gone"));
    stub.trouble = () => undefined;
    const back = await run.until((event) => event.type === "group" && event.group.instances[0]?.weight === 9, "the change", at);
    await run.until(is("synced authoritative"), "synced", back);
  }));

test("a reply without an index, or with 0, is none", async () => {
  for (const index of ["", "0", "-1"])
    await withRun(
      (stub) => {
        web(stub);
        stub.trouble = () => ({ headers: { "x-consul-index": index } });
      },
      async (run) => {
        await run.until(is("degraded MB_REGISTRY_BAD_REPLY"), "degraded");
        assert.ok(run.events.every(({ type }) => type === "degraded"));
      },
    );
});

test("JSON of another form, and an error page, are told as such", async () => {
  for (const body of ["[]", '"x"', "<html>", "null"])
    await withRun(
      (stub) => {
        web(stub);
        stub.trouble = ({ path }) => (path === "/catalog/services" ? { body } : undefined);
      },
      async (run) => void (await run.until(is("degraded MB_REGISTRY_BAD_REPLY"), `degraded by ${body}`)),
    );
});

test("the token is read again for each request, and a missing one is told", async () => {
  const baseDir = await mkdtemp(join(tmpdir(), "meshbridge-consul-"));
  try {
    await withRun(
      (stub) => {
        web(stub);
        stub.trouble = ({ token }) => (token === "second" ? undefined : { status: 403, text: `no rights for ${token}` });
      },
      async (run) => {
        await run.until(is("degraded MB_SECRET_UNREADABLE"), "degraded without a token");
        await writeFile(join(baseDir, "token"), "first-token\n");
        const refused = await run.until(is("degraded MB_REGISTRY_REFUSED"), "degraded by a wrong token");
        assert.ok(!JSON.stringify(run.events[refused]).includes("first-token"));
        await writeFile(join(baseDir, "token"), "second\n");
        await run.until(is(WEB), "the group with the right token", refused);
      },
      { token: { fromFile: "token" }, baseDir },
    );
  } finally {
    await rm(baseDir, { recursive: true });
  }
});

test("of two datacentres one that fails is named, and the other one is served and not synced", () =>
  withRun(
    (stub) => {
      web(stub);
      stub.trouble = ({ query }) => (query.get("dc") === "far" ? { status: 500, text: "No path to datacenter" } : undefined);
    },
    async (run, stub) => {
      const at = await run.until((event) => event.type === "degraded", "degraded");
      const event = run.events[at];
      assert.ok(event?.type === "degraded");
      assert.match(event.error.message, /consul \(datacentre far\).*No path to datacenter/);
      await run.until(is("group near/web 10.0.0.9:80 authoritative"), "the near group");
      assert.ok(run.events.every(({ type }) => type !== "synced"));
      stub.trouble = () => undefined;
      await run.until(is("group far/web 10.0.0.9:80 authoritative"), "the far group");
      await run.until(is("synced authoritative"), "synced");
    },
    { datacenters: ["near", "far"] },
  ));

test("what the settings say goes into the requests", () =>
  withRun(
    (stub) => {
      web(stub);
      stub.put("web-canary", [{ id: "c1" }]);
      stub.put("db", [{ id: "d1" }]);
    },
    async (run, stub) => {
      await run.until(is("synced authoritative"), "synced");
      const common = "partition=p1&consistent=";
      for (const request of [
        `/catalog/services?dc=dc7&ns=shop&${common}`,
        `/health/state/any?dc=dc7&ns=shop&${common}`,
        `/catalog/nodes?dc=dc7&${common}`,
        `/health/service/web?dc=dc7&ns=shop&${common}&filter=Service.Port+%21%3D+1`,
      ])
        assert.ok(stub.requests.includes(request), `${request} is not in ${stub.requests.join(" ")}`);
      const [group] = run.events;
      assert.ok(group?.type === "group");
      assert.equal(group.group.source.scope, "dc7/shop/web");
      assert.deepEqual(group.group.service, { namespace: "shop", name: "web" });
      assert.equal(run.events.filter(({ type }) => type === "group").length, 1);
    },
    {
      datacenters: ["dc7"],
      consulNamespaces: ["shop"],
      partition: "p1",
      consistency: "consistent",
      filter: "Service.Port != 1",
      include: ["web*"],
      exclude: ["*-canary"],
    },
  ));

test("a service whose name cannot be asked for costs only itself", () =>
  withRun(
    (stub) => {
      web(stub);
      for (const name of ["..", "a/b", "__proto__", "x y"]) stub.put(name, [{ id: "h" }]);
    },
    async (run, stub) => {
      await run.until(is(WEB), "the good service");
      await run.until(is("synced authoritative"), "synced");
      const rejected = run.events.flatMap((event) => (event.type === "group" ? (event.rejected ?? []) : []));
      assert.deepEqual(rejected.map(({ record }) => record).sort(), ["dc1/..", "dc1/__proto__", "dc1/a/b", "dc1/x y"].sort());
      assert.equal(stub.requests.filter((path) => path.startsWith("/health/service/")).length, 1);
    },
  ));
