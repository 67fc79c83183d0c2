/** A cluster becomes a member: an account with the least rights, a token that expires, and an entry in fleet and hub. */
import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../src/kernel/clock.ts";
import { reasonOf } from "../../src/kernel/errors.ts";
import { readText } from "../../src/kernel/read-text.ts";
import { fail } from "../../src/model/errors.ts";
import type { Cluster } from "../api/schema/cluster.ts";
import { parseClusterList, workloadProblemLines } from "../api/validate.ts";
import type { JsonObject } from "../json/value.ts";
import type { ClusterClient } from "../kube/types.ts";
import { type Declared, EMPTY_FLEET, withMember } from "./fleet-file.ts";
import { type Hub, putInHub, withConflicts } from "./hub.ts";
import { grantsOf, untilInForce } from "./in-force.ts";
import { memberKubeconfig } from "./kubeconfig.ts";
import type { Account } from "./rights.ts";
import { requestToken, tokenTimes } from "./token.ts";

export interface JoinOptions {
  readonly member: Declared;
  /** As an administrator, who may make accounts and holds every right that is granted. */
  readonly admin: ClusterClient;
  /** The `cluster` part of its kubeconfig. */
  readonly server: JsonObject;
  readonly account: Account;
  /** What the account needs, in the order in which it is made. */
  readonly objects: readonly JsonObject[];
  readonly tokenMs: number;
  /** The ClusterList; begun when there is none. */
  readonly fleetFile: string;
  readonly hub: Hub | undefined;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** A client of this kubeconfig's own account; closed here. */
  connect(kubeconfig: string): Promise<ClusterClient>;
}

export interface Joined {
  /** The file with its credentials. */
  readonly kubeconfig: string;
  /** ms since the epoch; undefined: the token does not say. */
  readonly tokenExpiresAt: number | undefined;
}

/**
 * Again with the same name: the same account with the rights as they are now, and a new token. When it resolves, the account may
 * do what it was given; before that no file and no hub is written. Rejects with errors of the table.
 */
export async function joinCluster(options: JoinOptions): Promise<Joined> {
  const { member, admin, server, account, objects, tokenMs, fleetFile, hub, signal } = options;
  const before = await readFleetText(fleetFile);
  for (const object of objects) {
    const answer = await admin.apply(object, { fieldManager: "meshbridge-join", force: false }, signal);
    if ("error" in answer) throw withConflicts(answer);
  }
  const token = await requestToken(admin, account, tokenMs, signal);
  if ("error" in token) throw token.error;
  const kubeconfig = memberKubeconfig(member.name, server, token.value);
  const client = await options.connect(kubeconfig);
  try {
    await untilInForce({ client, grants: grantsOf(objects), clock: options.clock, random: options.random, signal });
  } finally {
    client.close();
  }
  const file = `${member.name}.kubeconfig`;
  await writeAtomically(join(dirname(fleetFile), file), kubeconfig, 0o600);
  await writeAtomically(fleetFile, withMember(before, { ...member, spec: { kubeconfig: file, ...member.spec } }));
  if (hub !== undefined) await putInHub(hub, member, kubeconfig, signal);
  return { kubeconfig: join(dirname(fleetFile), file), tokenExpiresAt: tokenTimes(token.value)?.expiresAt };
}

/** Its text, or how a new one begins. Rejects with MB_DEPLOY_INVALID when there is one that is no ClusterList. */
async function readFleetText(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return EMPTY_FLEET;
    throw fail("MB_DEPLOY_INVALID", { problems: `${path}  cannot be read: ${reasonOf(error)}` }, { cause: error });
  });
  parseFleet(path, text);
  return text;
}

function parseFleet(path: string, text: string): readonly Cluster[] {
  const parsed = parseClusterList(text);
  if ("problems" in parsed) throw fail("MB_DEPLOY_INVALID", { problems: workloadProblemLines(path, parsed.problems) });
  return parsed.object;
}

/** Its members; rejects with MB_DEPLOY_INVALID also when there is no such file. */
export async function readFleet(path: string): Promise<{ readonly text: string; readonly members: readonly Cluster[] }> {
  const read = await readText(path);
  if ("reason" in read) throw fail("MB_DEPLOY_INVALID", { problems: `${path}  cannot be read: ${read.reason}` });
  return { text: read.text, members: parseFleet(path, read.text) };
}

/** Nobody ever reads half of it. */
export async function writeAtomically(path: string, text: string, mode?: number): Promise<void> {
  const next = `${path}.next`;
  await writeFile(next, text, mode === undefined ? {} : { mode });
  // The mode counts only when the file is made.
  if (mode !== undefined) await chmod(next, mode);
  await rename(next, path);
}
