/**
 * The name server of a real bridge, asked by another implementation of DNS (c-ares, in node:dns) over UDP and TCP: a cluster that
 * dies is out of the answers within a second, and a registry that dies takes no name with it.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { promises as dns } from "node:dns";
import { test } from "node:test";
import { type Bridge, createWorkspace, meshbridge, startBridge, type Workspace } from "../support/bridge.ts";
import { type Consul, startConsul, TTL_CHECK } from "../support/consul.ts";
import { eventually, steadily } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("consul");
const NAME = "web.default.mesh.local";

interface Site {
  readonly bridge: Bridge;
  readonly workspace: Workspace;
  readonly consul: Consul;
  readonly resolver: dns.Resolver;
  readonly port: number;
}

/** eu-1 is a Consul, us-1 a file; askers on loopback are in eu-1. */
async function start(scope: AsyncDisposableStack): Promise<Site> {
  const workspace = await createWorkspace(scope);
  const [port = 0] = await freePorts(1);
  const consul = await startConsul({}, scope);
  for (const index of [1, 2])
    await consul.register({ ID: `web-${index}`, Name: "web", Address: `10.1.0.${index}`, Port: 8080, Check: TTL_CHECK });
  await writeServices(workspace, ["web"]);
  await workspace.configure(configOf(port, consul));
  const bridge = await startBridge(workspace, scope);
  const resolver = new dns.Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return { bridge, workspace, consul, resolver, port };
}

function configOf(port: number, consul: Consul, dnsMore: object = {}) {
  return {
    mesh: { cluster: "eu-1", locality: { region: "eu" } },
    dns: {
      listen: `127.0.0.1:${port}`,
      places: [{ cidrs: ["127.0.0.2/32"], network: "default", cluster: "us-1", locality: { region: "us" } }],
      ...dnsMore,
    },
    registries: [
      { kind: "consul", name: "eu", address: consul.url, cluster: "eu-1", locality: { region: "eu" } },
      { kind: "file", name: "us", path: "./us.yaml", cluster: "us-1", locality: { region: "us" } },
    ],
  };
}

function writeServices(workspace: Workspace, names: readonly string[]) {
  const services = names.map((name) => ({
    name,
    ports: [{ name: "http", port: 80 }],
    instances: [{ address: "10.2.0.1", ports: { http: 8080 } }],
  }));
  return workspace.write("us.yaml", { services });
}

/** `A 10.0.0.1 …` sorted, or the code of the refusal. */
async function answers({ resolver }: Pick<Site, "resolver">, name = NAME): Promise<string> {
  try {
    return (await resolver.resolve4(name)).sort().join(" ");
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

test("another DNS implementation understands every kind of answer", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const site = await start(scope);
  const { resolver, bridge, workspace } = site;
  assert.equal(await answers(site), "10.1.0.1 10.1.0.2");
  const records = await resolver.resolve4(NAME, { ttl: true });
  assert.ok(records.every(({ ttl }) => ttl <= 5));
  assert.equal(await answers(site, "WEB.default.svc.clusterset.local"), "10.1.0.1 10.1.0.2");
  assert.equal(await answers(site, "us-1.web.default.mesh.local"), "10.2.0.1");
  assert.equal(await answers(site, "nothing.default.mesh.local"), "ENOTFOUND");
  assert.equal(await answers(site, "example.com"), "EREFUSED");
  await assert.rejects(resolver.resolve6(NAME), { code: "ENODATA" });
  const srv = await resolver.resolveSrv("_http._tcp.web.default.mesh.local");
  assert.deepEqual(srv.map(({ name, port, priority }) => `${priority} ${name}:${port}`).sort(), [
    "0 10-1-0-1.web.default.mesh.local:8080",
    "0 10-1-0-2.web.default.mesh.local:8080",
    "1 10-2-0-1.web.default.mesh.local:8080",
  ]);
  for (const { name } of srv) assert.match(await answers(site, name), /^10\.\d\.0\.\d$/);
  assert.equal((await resolver.resolveSoa("mesh.local")).nsname, "ns.mesh.local");

  const elsewhere = new dns.Resolver({ timeout: 1000, tries: 1 });
  elsewhere.setServers(resolver.getServers());
  elsewhere.setLocalAddress("127.0.0.2");
  assert.equal(await answers({ resolver: elsewhere }), "10.2.0.1");

  const shown = await meshbridge(["dns", "query", NAME, "--from", "127.0.0.2", "--admin", workspace.adminUrl]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /10\.2\.0\.1/);
  assert.match(shown.stdout, /network default, cluster us-1/);
  const metrics = await bridge.ask("/metrics");
  assert.match(metrics.body, /meshbridge_dns_queries_total\{transport="udp",type="A",rcode="NXDOMAIN"\} 1/);

  // Another zone, and services that a policy makes of others, without a restart.
  const changed = configOf(site.port, site.consul, { clusterset: "sets.example.com" });
  await workspace.configure({ ...changed, services: [{ match: "default/web", mirrors: true }] });
  await eventually("the new zone is answered", async () =>
    assert.equal(await answers(site, "web.default.svc.sets.example.com"), "10.1.0.1 10.1.0.2"),
  );
  assert.equal(await answers(site, "web.default.svc.clusterset.local"), "EREFUSED");
  assert.equal(await answers(site, "web-us-1.default.mesh.local"), "10.2.0.1");
  await workspace.configure(changed);
  await eventually("a mirror that is no more has no name", async () =>
    assert.equal(await answers(site, "web-us-1.default.mesh.local"), "ENOTFOUND"),
  );
});

test("a cluster that dies is out of the answers within 1 s, a registry that dies takes no name along", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const site = await start(scope);
  const { consul, workspace, port } = site;
  assert.equal(await answers(site), "10.1.0.1 10.1.0.2");
  for (const index of [1, 2]) await consul.setHealth(`web-${index}`, "critical");
  const tookMs = await eventually("us-1 answers", async () => assert.equal(await answers(site), "10.2.0.1"), { withinMs: 1000 });
  process.stdout.write(`# cluster lost: answers changed after ${tookMs} ms\n`);
  for (const index of [1, 2]) await consul.setHealth(`web-${index}`, "passing");
  await eventually("eu-1 answers again", async () => assert.equal(await answers(site), "10.1.0.1 10.1.0.2"), { withinMs: 1000 });

  await consul.kill();
  await eventually("what is not known is not said not to be", async () =>
    assert.equal(await answers(site, "nothing.default.mesh.local"), "ESERVFAIL"),
  );
  await steadily("every known name is answered", 2000, async () => assert.equal(await answers(site), "10.1.0.1 10.1.0.2"));
  await writeServices(workspace, ["web", "new"]);
  await eventually("news of another registry is answered", async () =>
    assert.equal(await answers(site, "new.default.mesh.local"), "10.2.0.1"),
  );

  // Garbage does no harm, and is answered as little as it can be.
  const garbage = createSocket("udp4");
  scope.defer(() => {
    garbage.close();
  });
  for (let size = 0; size < 512; size += 7) garbage.send(Buffer.alloc(size, size), port, "127.0.0.1");
  await steadily("it answers on", 500, async () => assert.equal(await answers(site), "10.1.0.1 10.1.0.2"));
});
