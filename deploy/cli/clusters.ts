/** What the verbs of `meshbridge deploy clusters` do, as data; who calls them prints it. */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Clock } from "../../src/kernel/clock.ts";
import { withTimeout } from "../../src/kernel/promises.ts";
import type { Risk } from "../../src/kubernetes/kubeconfig.ts";
import { fail } from "../../src/model/errors.ts";
import type { Cluster, Taint } from "../api/schema/cluster.ts";
import { type Declared, withField, withoutMember } from "../clusters/fleet-file.ts";
import { healthOf, readHealth } from "../clusters/health.ts";
import { type Hub, patchInHub, putInHub, removeFromHub } from "../clusters/hub.ts";
import { type Joined, joinCluster, readFleet, writeAtomically } from "../clusters/join.ts";
import { serverOf, tokenIn, withToken } from "../clusters/kubeconfig.ts";
import { allNeeds, needsOf } from "../clusters/needs.ts";
import { profileNames } from "../clusters/profiles.ts";
import { type Account, type Rights, rightsOf } from "../clusters/rights.ts";
import { accountOf, isDue, requestToken, tokenTimes } from "../clusters/token.ts";
import { orphanAll, ownedObjects, refuseInUse, removeAccount, removeKubeconfig } from "../clusters/unjoin.ts";
import { connectMember, connectMemberText } from "../kube/connect.ts";
import type { ClusterClient, KindRef } from "../kube/types.ts";
import { parseTaint, taintText } from "../placement/taints.ts";
import { renderTemplate } from "../templates/render.ts";
import { readWorkload } from "./inputs.ts";

export interface FleetWorld {
  /** The ClusterList. */
  readonly fleetFile: string;
  /** The hub whose Cluster objects are kept alike; undefined: there is none. */
  readonly hub: Hub | undefined;
  readonly allow: readonly Risk[];
  readonly withinMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

export interface JoinRequest {
  readonly member: Declared;
  readonly kubeconfig: string;
  readonly context: string | undefined;
  readonly account: Account;
  readonly workloads: readonly string[];
  readonly kinds: readonly KindRef[];
  readonly tokenMs: number;
  /** False: only what would be made is told. */
  readonly yes: boolean;
}

export interface JoinView extends Rights {
  readonly joined: Joined | undefined;
}

export async function joinMember(world: FleetWorld, request: JoinRequest): Promise<JoinView> {
  const { allow, clock, random, signal } = world;
  const { member, kubeconfig, context, account } = request;
  const workloads = await Promise.all(
    request.workloads.map(async (file) => {
      const workload = await readWorkload(file);
      return needsOf(workload, await renderTemplate(workload, { file, signal }));
    }),
  );
  const needs = allNeeds([...workloads, { kinds: request.kinds, room: false, gates: false }]);
  const server = await serverOf({ kubeconfig, context, allow });
  const admin = await connectMember({ name: member.name, kubeconfig, context, allow, clock, random });
  try {
    const discovery = await admin.discover(signal);
    if ("error" in discovery) throw discovery.error;
    const rights = rightsOf({ account, ...needs, discovery: discovery.value });
    if (!request.yes) return { ...rights, joined: undefined };
    const { objects } = rights;
    const origin = `the kubeconfig of ${member.name}`;
    const connectText = (text: string) =>
      connectMemberText({ name: member.name, text, origin, context: undefined, allow, clock, random });
    const joining = { member, admin, server, account, objects, tokenMs: request.tokenMs, connect: connectText };
    const joined = await joinCluster({ ...world, ...joining });
    return { ...rights, joined };
  } finally {
    admin.close();
  }
}

export interface UnjoinRequest {
  readonly name: string;
  /** The cluster is not asked: it may be dead. */
  readonly force: boolean;
  /** What is ours there stays, without our marks. */
  readonly orphan: boolean;
  /** An administrator's kubeconfig, to take the account away with; undefined: the account stays. */
  readonly admin: { readonly kubeconfig: string; readonly context: string | undefined } | undefined;
}

export interface UnjoinView {
  readonly orphaned: number;
  /** Whether the account and its rights were taken away. */
  readonly accountRemoved: boolean;
}

export async function unjoin(world: FleetWorld, { name, force, orphan, admin }: UnjoinRequest): Promise<UnjoinView> {
  const { fleetFile, hub, signal } = world;
  const { text, member } = await memberOf(world, name);
  let orphaned = 0;
  if (!force) {
    const client = await connect(world, member);
    try {
      const held = await ownedObjects(client, signal);
      if (orphan) await orphanAll(client, held, signal);
      else refuseInUse(name, held);
      orphaned = orphan ? held.length : 0;
    } finally {
      client.close();
    }
  }
  const accountRemoved = admin !== undefined && (await leave(world, member, admin));
  if (hub !== undefined) await removeFromHub(hub, name, signal);
  await writeAtomically(fleetFile, withoutMember(text, name));
  await removeKubeconfig(dirname(fleetFile), member.spec.kubeconfig);
  return { orphaned, accountRemoved };
}

async function leave(world: FleetWorld, member: Cluster, admin: NonNullable<UnjoinRequest["admin"]>): Promise<boolean> {
  const { allow, clock, random, signal, fleetFile } = world;
  const path = resolve(dirname(fleetFile), member.spec.kubeconfig ?? "");
  const token = member.spec.kubeconfig === undefined ? undefined : tokenIn(await readFile(path, "utf8"));
  const account = token === undefined ? undefined : accountOf(token);
  if (account === undefined) return false;
  const client = await connectMember({ name: member.metadata.name, ...admin, allow, clock, random });
  try {
    await removeAccount(client, account, signal);
    return true;
  } finally {
    client.close();
  }
}

export async function cordon(world: FleetWorld, name: string, unschedulable: boolean): Promise<void> {
  const { text } = await memberOf(world, name);
  if (world.hub !== undefined) await patchInHub(world.hub, name, { unschedulable: unschedulable || null }, world.signal);
  await writeAtomically(world.fleetFile, withField(text, name, "unschedulable", unschedulable || undefined));
}

/** Puts a taint on, with the time from which its seconds count, or takes it off. One that stands already keeps its time. */
export async function taint(world: FleetWorld, name: string, text: string): Promise<void> {
  const parsed = parseTaint(text);
  if (parsed === undefined) {
    const reason = `a taint is key[=value]:NoSchedule or key[=value]:NoExecute, with - at the end to take it off, not "${text}"`;
    throw fail("MB_USAGE", { reason, command: "meshbridge deploy clusters taint" });
  }
  const { member, text: fleet } = await memberOf(world, name);
  const isMeant = ({ key, effect }: Taint) => key === parsed.taint.key && effect === parsed.taint.effect;
  const { timeAdded = new Date(world.clock.now()).toISOString() } = member.spec.taints.find(isMeant) ?? {};
  const others = member.spec.taints.filter((one) => !isMeant(one));
  const taints = parsed.off ? others : [...others, { ...parsed.taint, timeAdded }];
  if (world.hub !== undefined) await patchInHub(world.hub, name, { taints }, world.signal);
  await writeAtomically(world.fleetFile, withField(fleet, name, "taints", taints.length > 0 ? taints : undefined));
}

export interface RenewView {
  readonly name: string;
  readonly renewed: boolean;
  readonly message: string;
}

/** New tokens where two thirds of the old one's life have passed; those of other kubeconfigs are left alone. */
export async function renew(world: FleetWorld, tokenMs: number, force: boolean): Promise<readonly RenewView[]> {
  const { members } = await readFleet(world.fleetFile);
  return await Promise.all(members.map((member) => renewOne(world, member, { tokenMs, force })));
}

async function renewOne(
  world: FleetWorld,
  member: Cluster,
  { tokenMs, force }: { readonly tokenMs: number; readonly force: boolean },
): Promise<RenewView> {
  const { fleetFile, clock, hub, signal } = world;
  const { name, labels = {} } = member.metadata;
  const left = (message: string): RenewView => ({ name, renewed: false, message });
  if (member.spec.kubeconfig === undefined) return left("its credentials are not ours: it has no kubeconfig of its own");
  const path = join(dirname(fleetFile), member.spec.kubeconfig);
  const text = await readFile(path, "utf8");
  const token = tokenIn(text);
  const [account, times] = token === undefined ? [undefined, undefined] : [accountOf(token), tokenTimes(token)];
  if (account === undefined || times === undefined) return left("its credentials are not ours: `join` did not write that file");
  if (!force && !isDue(times, clock.now())) return left(`good until ${new Date(times.expiresAt).toISOString()}`);
  const client = await connect(world, member);
  try {
    const next = await requestToken(client, account, tokenMs, signal);
    if ("error" in next) return left(next.error.message);
    const kubeconfig = withToken(text, next.value);
    await writeAtomically(path, kubeconfig, 0o600);
    if (hub !== undefined) await putInHub(hub, { name, labels, spec: member.spec }, kubeconfig, signal);
    return { name, renewed: true, message: `good until ${new Date(tokenTimes(next.value)?.expiresAt ?? 0).toISOString()}` };
  } finally {
    client.close();
  }
}

/** Every member asked now, each within its deadline. */
export async function list(world: FleetWorld) {
  const { members } = await readFleet(world.fleetFile);
  const profiles = await profilesOf(world);
  return await Promise.all(
    members.map(async (member) => {
      const { name } = member.metadata;
      const { region, unschedulable, taints } = member.spec;
      const reading = await look(world, member);
      const status = "status" in reading ? reading.status : {};
      return {
        name,
        health: "error" in reading ? ("NotReady" as const) : healthOf(status, world.clock.now()),
        region,
        unschedulable,
        taints: taints.map(taintText),
        ...status,
        profile: profiles.get(name),
        tokenExpiresAt: await expiryOf(world, member),
        message: "error" in reading ? reading.error.message : "",
      };
    }),
  );
}

async function look(world: FleetWorld, member: Cluster) {
  const client = await connect(world, member);
  try {
    return await readHealth(client, world.clock, withTimeout(world.signal, world.withinMs));
  } catch (cause) {
    world.signal.throwIfAborted();
    const reason = `it has not told everything within ${world.withinMs / 1000} s`;
    return { error: fail("MB_CLUSTER_UNREACHABLE", { cluster: client.name, address: client.address, reason }, { cause }) };
  } finally {
    client.close();
  }
}

/** ClusterProfiles of the hub by cluster: their name, where one is called as the cluster is. */
async function profilesOf({ hub, signal }: FleetWorld): Promise<ReadonlyMap<string, string>> {
  if (hub === undefined) return new Map();
  const answer = await hub.client.list({ group: "multicluster.x-k8s.io", kind: "ClusterProfile" }, {}, signal);
  // Few hubs have an inventory; without one there is nothing to name.
  if ("error" in answer) return new Map();
  return profileNames(answer.value);
}

async function expiryOf({ fleetFile }: FleetWorld, { spec }: Cluster): Promise<string | undefined> {
  if (spec.kubeconfig === undefined) return undefined;
  const text = await readFile(resolve(dirname(fleetFile), spec.kubeconfig), "utf8").catch(() => "");
  const token = tokenIn(text);
  const times = token === undefined ? undefined : tokenTimes(token);
  return times === undefined ? undefined : new Date(times.expiresAt).toISOString();
}

async function memberOf({ fleetFile }: FleetWorld, name: string) {
  const { text, members } = await readFleet(fleetFile);
  const member = members.find(({ metadata }) => metadata.name === name);
  if (member !== undefined) return { text, member };
  const names = members.map(({ metadata }) => metadata.name).join(", ") || "none";
  throw fail("MB_USAGE", {
    reason: `${name} is no member of ${fleetFile}, which has: ${names}`,
    command: "meshbridge deploy clusters",
  });
}

async function connect(world: FleetWorld, { metadata: { name }, spec }: Cluster): Promise<ClusterClient> {
  const { fleetFile, allow, clock, random } = world;
  if (spec.kubeconfig === undefined)
    throw fail("MB_USAGE", { reason: `${name} names no kubeconfig in ${fleetFile}`, command: "meshbridge deploy clusters" });
  const kubeconfig = resolve(dirname(fleetFile), spec.kubeconfig);
  return await connectMember({ name, kubeconfig, context: spec.context, allow, clock, random });
}
