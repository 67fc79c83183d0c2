/** From a Cluster and a kubeconfig to its client. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../../src/kernel/clock.ts";
import { reasonOf } from "../../src/kernel/errors.ts";
import { connectCluster } from "../../src/kubernetes/connect.ts";
import { clusterFaults } from "../../src/kubernetes/faults.ts";
import type { Risk } from "../../src/kubernetes/kubeconfig.ts";
import { fail } from "../../src/model/errors.ts";
import { createClusterClient } from "./client.ts";
import type { ClusterClient } from "./types.ts";

export interface ConnectOptions {
  /** Name in the fleet. */
  readonly name: string;
  /** The file. */
  readonly kubeconfig: string;
  /** Undefined: the file's current context. */
  readonly context: string | undefined;
  /** What else than tokens, certificates and verified HTTPS is put up with; see the kubeconfig's rules. */
  readonly allow: readonly Risk[];
  readonly clock: Clock;
  readonly random: () => number;
}

/** Rejects with MB_KUBECONFIG_INVALID; connects to nothing yet. */
export async function connectMember({ name, kubeconfig, context, allow, clock, random }: ConnectOptions): Promise<ClusterClient> {
  const text = await readFile(kubeconfig, "utf8").catch((cause: unknown) => {
    throw fail("MB_KUBECONFIG_INVALID", { origin: kubeconfig, field: "the file", reason: reasonOf(cause) }, { cause });
  });
  let address = "";
  const api = await connectCluster(text, {
    faults(server) {
      address = server;
      return clusterFaults(name, server);
    },
    dir: dirname(kubeconfig),
    origin: kubeconfig,
    context,
    allow,
    local: true,
  });
  return createClusterClient({ name, address, api, clock, random });
}
