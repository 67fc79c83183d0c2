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
export async function connectMember({ kubeconfig, ...options }: ConnectOptions): Promise<ClusterClient> {
  const text = await readFile(kubeconfig, "utf8").catch((cause: unknown) => {
    throw fail("MB_KUBECONFIG_INVALID", { origin: kubeconfig, field: "the file", reason: reasonOf(cause) }, { cause });
  });
  return await connectWith({ ...options, text, origin: kubeconfig, dir: dirname(kubeconfig), local: true });
}

export interface ConnectTextOptions extends Omit<ConnectOptions, "kubeconfig"> {
  /** The kubeconfig itself; `in-cluster`: the Pod's own service account. */
  readonly text: string | "in-cluster";
  /** What messages call it. */
  readonly origin: string;
}

/** From no file of this machine: what it names of files is not read unless `allow` says so. */
export async function connectMemberText(options: ConnectTextOptions): Promise<ClusterClient> {
  return await connectWith({ ...options, dir: "/", local: false });
}

interface Connection extends ConnectTextOptions {
  readonly dir: string;
  readonly local: boolean;
}

async function connectWith({
  name,
  text,
  origin,
  dir,
  local,
  context,
  allow,
  clock,
  random,
}: Connection): Promise<ClusterClient> {
  let address = "";
  const api = await connectCluster(text, {
    faults(server) {
      address = server;
      return clusterFaults(name, server);
    },
    ...{ dir, origin, context, allow, local },
  });
  return createClusterClient({ name, address, api, clock, random });
}
