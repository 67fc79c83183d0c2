/** The account that a member cluster gives us: exactly the kinds and verbs in use, and nothing else. Pure. */
import { compareText } from "../../src/kernel/compare.ts";
import type { JsonObject } from "../json/value.ts";
import type { Discovery, KindRef } from "../kube/types.ts";

export interface Account {
  readonly namespace: string;
  readonly name: string;
}

export interface RightsRequest {
  readonly account: Account;
  /** Kinds of the templates. */
  readonly kinds: readonly KindRef[];
  /** What the cluster serves: rights name resources, which only it knows. */
  readonly discovery: Discovery;
  /** Room is measured there: nodes and Pods are listed. */
  readonly room: boolean;
  /** Registry gates and drains: Pods are found, and marked for removal or as registered. */
  readonly gates: boolean;
}

export interface Rights {
  /** In the order in which they are made: Namespace, ServiceAccount, ClusterRole and binding, Role and binding. */
  readonly objects: readonly JsonObject[];
  /** Kinds that this cluster does not serve; nothing is granted for them. */
  readonly notServed: readonly KindRef[];
}

/** What server-side apply, watches and deletes of an object need; nothing here replaces objects. */
const WRITES = ["create", "delete", "get", "list", "patch", "watch"];
const RBAC = "rbac.authorization.k8s.io";
const LABELS = { "app.kubernetes.io/managed-by": "meshbridge", "app.kubernetes.io/component": "deploy" };

export function rightsOf({ account, kinds, discovery, room, gates }: RightsRequest): Rights {
  const served = kinds.flatMap((kind) => discovery.find(kind) ?? []);
  const wanted = new Map<string, Set<string>>();
  const allow = (group: string, resource: string, verbs: readonly string[]) => {
    const key = `${group}/${resource}`;
    wanted.set(key, new Set([...(wanted.get(key) ?? []), ...verbs]));
  };
  for (const { group, plural } of served) allow(group, plural, WRITES);
  if (room) {
    allow("", "nodes", ["list"]);
    allow("", "pods", ["list"]);
  }
  if (gates) {
    allow("", "pods", ["get", "list", "patch", "watch"]);
    allow("", "pods/status", ["patch"]);
    allow("apps", "replicasets", ["list"]);
  }
  const { namespace, name } = account;
  const subjects = [{ kind: "ServiceAccount", name, namespace }];
  const role = (kind: string) => ({ apiGroup: RBAC, kind, name });
  const rbac = (kind: string, metadata: JsonObject, rest: JsonObject): JsonObject => ({
    apiVersion: `${RBAC}/v1`,
    kind,
    metadata: { name, labels: LABELS, ...metadata },
    ...rest,
  });
  return {
    objects: [
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels: LABELS } },
      rbac("ClusterRole", {}, { rules: rulesOf(wanted) }),
      rbac("ClusterRoleBinding", {}, { roleRef: role("ClusterRole"), subjects }),
      // It may ask for its own next token, so that nobody has to come back with an administrator's credentials.
      rbac(
        "Role",
        { namespace },
        { rules: [{ apiGroups: [""], resources: ["serviceaccounts/token"], resourceNames: [name], verbs: ["create"] }] },
      ),
      rbac("RoleBinding", { namespace }, { roleRef: role("Role"), subjects }),
    ],
    notServed: kinds.filter((kind) => discovery.find(kind) === undefined),
  };
}

/** One rule for each group and set of verbs, sorted: the same rights are the same text. */
function rulesOf(wanted: ReadonlyMap<string, ReadonlySet<string>>): readonly JsonObject[] {
  const rights = [...wanted].map(([key, verbs]) => {
    const slash = key.indexOf("/");
    return { group: key.slice(0, slash), resource: key.slice(slash + 1), verbs: [...verbs].toSorted(compareText) };
  });
  const groups = Map.groupBy(rights, ({ group, verbs }) => JSON.stringify([group, verbs]));
  return [...groups]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([, [first, ...others]]) => ({
      apiGroups: [first?.group ?? ""],
      resources: [first?.resource ?? "", ...others.map(({ resource }) => resource)].toSorted(compareText),
      verbs: first?.verbs ?? [],
    }));
}
