/** For tests: members of a fleet whose API servers are in this process. */
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { connectMember } from "../kube/connect.ts";
import { type FakeServer, startFakeServer } from "../kube/fake-server.ts";
import type { ClusterClient } from "../kube/types.ts";

export interface Members {
  readonly clients: ReadonlyMap<string, ClusterClient>;
  readonly servers: ReadonlyMap<string, FakeServer>;
  /** Folder with a kubeconfig for each, named `NAME.kubeconfig`. */
  readonly dir: string;
}

/** Everything ends with the test. */
export async function startMembers(t: TestContext, names: readonly string[]): Promise<Members> {
  const clients = new Map<string, ClusterClient>();
  const servers = new Map<string, FakeServer>();
  const dir = await mkdtempDisposable(join(tmpdir(), "fleet-"));
  t.after(async () => {
    for (const client of clients.values()) client.close();
    for (const server of servers.values()) await server.close();
    await dir.remove();
  });
  for (const name of names) {
    const server = await startFakeServer();
    servers.set(name, server);
    const kubeconfig = join(dir.path, `${name}.kubeconfig`);
    await writeFile(kubeconfig, kubeconfigOf(name, server.url));
    const options = { name, kubeconfig, context: undefined, clock: systemClock, random: Math.random };
    clients.set(name, await connectMember({ ...options, allow: ["http", "insecure-skip-tls-verify"] }));
  }
  return { clients, servers, dir: dir.path };
}

function kubeconfigOf(name: string, server: string): string {
  return JSON.stringify({
    clusters: [{ name, cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name, user: { token: "t" } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}
