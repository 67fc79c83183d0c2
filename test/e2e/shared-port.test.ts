/** Several bridges of a host on one xDS port: a core each, and somebody is always there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bridge, createWorkspace, startBridge, type Workspace } from "../support/bridge.ts";
import { eventually } from "../support/eventually.ts";
import { httpService, serviceFile } from "../support/service-file.ts";
import { connectXds, openXds, type XdsClient } from "../support/xds-client.ts";

const CLIENTS = 40;
const CLUSTER = "default/web/http";

async function workspaceOn(port: number | undefined, scope: AsyncDisposableStack): Promise<Workspace> {
  const workspace = await createWorkspace(scope);
  await workspace.write("services.yaml", serviceFile(httpService("web", [{ address: "10.0.0.1", ports: { http: 80 } }])));
  await workspace.configure({
    xds: { listen: `127.0.0.1:${port ?? workspace.xdsPort}`, reusePort: true },
    registries: [{ kind: "file", name: "local", path: "./services.yaml" }],
  });
  return workspace;
}

async function served({ get }: Bridge): Promise<number> {
  return (await get<{ items: readonly unknown[] }>("/v1/proxies")).items.length;
}

function open(port: number, scope: AsyncDisposableStack): readonly XdsClient[] {
  return Array.from({ length: CLIENTS }, (_, index) => openXds(connectXds(port, scope), { id: `client-${index}` }));
}

function allHold(clients: readonly XdsClient[]): Promise<number> {
  return eventually("all clients are served", () => {
    for (const { held, ended } of clients) assert.deepEqual([[...held.keys()], ended], [[CLUSTER], undefined]);
  });
}

test("two bridges on one port divide the clients; when one is killed, and when it comes back, all are served", async () => {
  await using scope = new AsyncDisposableStack();
  const first = await workspaceOn(undefined, scope);
  const second = await workspaceOn(first.xdsPort, scope);
  const [a, b] = await Promise.all([startBridge(first, scope), startBridge(second, scope)]);

  const clients = open(first.xdsPort, scope);
  await allHold(clients);
  const [atA, atB] = [await served(a), await served(b)];
  assert.equal(atA + atB, CLIENTS);
  // Of 40 that the kernel divides by a hash, all go to one side once in 5 × 10¹¹ times.
  assert.ok(atA > 0 && atB > 0, `${atA} and ${atB}`);

  await a.kill();
  await eventually("those of the killed one know", () => assert.equal(clients.filter(({ ended }) => ended).length, atA));
  assert.equal(await served(b), atB, "the others have not been touched");
  await using later = new AsyncDisposableStack();
  await allHold(open(first.xdsPort, later));
  assert.equal(await served(b), atB + CLIENTS);

  const again = await startBridge(first, scope);
  await using last = new AsyncDisposableStack();
  await allHold(open(first.xdsPort, last));
  assert.ok((await served(again)) > 0);
});

test("a bridge that does not say so has the port alone", async () => {
  await using scope = new AsyncDisposableStack();
  const first = await workspaceOn(undefined, scope);
  await startBridge(first, scope);
  const second = await workspaceOn(first.xdsPort, scope);
  await second.configure({ xds: { listen: `127.0.0.1:${first.xdsPort}` }, registries: [] });
  await assert.rejects(startBridge(second, scope), /MB_LISTEN_FAILED|EADDRINUSE/);
});
