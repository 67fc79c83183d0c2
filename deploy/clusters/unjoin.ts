/** A member leaves: nothing of ours may be left in it by accident, and one that is dead must not be able to stay for ever. */
import { readFile, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { fail } from "../../src/model/errors.ts";
import { kindOf } from "../engine/view.ts";
import type { JsonObject } from "../json/value.ts";
import { textAt, valueAt } from "../json/value.ts";
import type { ClusterClient, Discovery } from "../kube/types.ts";
import { keyOf, keyText, type ObjectKey } from "../plan/object-key.ts";
import { MANAGED_LABEL, usersOf, withoutAllMarks } from "../plan/ownership.ts";
import { isOurs } from "./kubeconfig.ts";
import type { Account } from "./rights.ts";

export interface Held {
  readonly key: ObjectKey;
  readonly object: JsonObject;
}

/**
 * Everything of ours in the cluster, of every kind that it serves and that the account may list. Rejects with what the cluster
 * refused otherwise: what was not read completely says nothing.
 */
export async function ownedObjects(client: ClusterClient, signal: AbortSignal): Promise<readonly Held[]> {
  const discovery = await client.discover(signal, { refresh: true });
  if ("error" in discovery) throw discovery.error;
  const found = new Map<string, Held>();
  for (const kind of listable(discovery.value)) {
    const list = await client.list(kindOf(kind), { labelSelector: `${MANAGED_LABEL}=true` }, signal);
    if ("error" in list) {
      // 403: nothing of a kind is ours that we were never allowed to write. 405: it is no kind that lists.
      if (list.status === 403 || list.status === 405) continue;
      throw list.error;
    }
    for (const object of list.value)
      if (usersOf(object).length > 0) found.set(keyText(keyOf(object)), { key: keyOf(object), object });
  }
  return [...found.values()];
}

function listable({ resources }: Discovery): ReadonlySet<string> {
  return new Set(
    resources.filter(({ verbs }) => verbs.has("list") && verbs.has("patch")).map(({ group, kind }) => `${group}/${kind}`),
  );
}

/** Throws MB_CLUSTER_IN_USE. */
export function refuseInUse(cluster: string, held: readonly Held[]): void {
  if (held.length === 0) return;
  const named = held
    .slice(0, 3)
    .map(({ key: { kind, namespace, name } }) => `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`);
  const examples = `${named.join(", ")}${held.length > named.length ? ", …" : ""}`;
  throw fail("MB_CLUSTER_IN_USE", { cluster, count: held.length, examples });
}

/** Takes our marks off, and leaves everything else as it is. Rejects with the first refusal. */
export async function orphanAll(client: ClusterClient, held: readonly Held[], signal: AbortSignal): Promise<void> {
  for (const { key, object } of held) {
    const patch = withoutAllMarks(object);
    const uid = textAt(object, "metadata", "uid");
    const metadata = { ...(valueAt(patch, ["metadata"]) as JsonObject), ...(uid !== undefined && { uid }) };
    const answer = await client.patch(key, { metadata }, { fieldManager: "meshbridge-join" }, signal);
    if ("error" in answer && answer.status !== 404) throw answer.error;
  }
}

/** The account and its rights; its namespace stays, which may hold what is not ours. What is gone already is as good as removed. */
export async function removeAccount(admin: ClusterClient, { namespace, name }: Account, signal: AbortSignal): Promise<void> {
  const rbac = (kind: string, space: string): ObjectKey => ({ group: "rbac.authorization.k8s.io", kind, namespace: space, name });
  const keys = [
    rbac("RoleBinding", namespace),
    rbac("Role", namespace),
    rbac("ClusterRoleBinding", ""),
    rbac("ClusterRole", ""),
    { group: "", kind: "ServiceAccount", namespace, name },
  ];
  for (const key of keys) {
    const answer = await admin.remove(key, {}, signal);
    if ("error" in answer && answer.status !== 404) throw answer.error;
  }
}

/** The member's own kubeconfig, when it is a file that `join` wrote; any other is somebody else's. */
export async function removeKubeconfig(folder: string, file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const path = resolve(folder, file);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  if (isOurs(text)) await rm(path);
}
