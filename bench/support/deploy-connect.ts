/** Connections of the deploy benchmark. */
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectMember } from "../../deploy/kube/connect.ts";
import type { ClusterClient } from "../../deploy/kube/types.ts";
import { systemClock } from "../../src/kernel/clock.ts";

/** By the address of a simulated server, or a whole kubeconfig. */
export async function connectBench(
  name: string,
  given: { readonly url: string } | { readonly kubeconfig: string },
): Promise<ClusterClient> {
  await using dir = await mkdtempDisposable(join(tmpdir(), "bench-deploy-"));
  const kubeconfig = join(dir.path, "kubeconfig");
  await writeFile(kubeconfig, "url" in given ? simulated(name, given.url) : given.kubeconfig);
  const allow = ["http", "insecure-skip-tls-verify"] as const;
  return await connectMember({ name, kubeconfig, context: undefined, allow, clock: systemClock, random: Math.random });
}

function simulated(name: string, server: string): string {
  return JSON.stringify({
    clusters: [{ name, cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name, user: { token: "t" } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}
