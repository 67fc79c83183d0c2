/** Who may do what in the clusters of the tests: the least rights the bridge reads with. */
import type { KubernetesApi } from "./kubernetes-api.ts";

/** The user name of the static reader token. */
export const READER = "meshbridge-reader";
const ROLE = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: READER } } as const;
const BINDING = { ...ROLE, kind: "ClusterRoleBinding" } as const;
const ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts";

/** Lets the reader, and the accounts of `makeAccount`, list and watch what endpoints are made of. */
export async function allowReader(api: KubernetesApi): Promise<void> {
  const verbs = ["get", "list", "watch"];
  const rules = [
    { apiGroups: [""], resources: ["services", "nodes", "namespaces"], verbs },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
  ];
  await api.apply({ ...ROLE, rules });
  const group = "rbac.authorization.k8s.io";
  const subjects = [
    { kind: "User", apiGroup: group, name: READER },
    { kind: "Group", apiGroup: group, name: "system:serviceaccounts" },
  ];
  await api.apply({ ...BINDING, roleRef: { apiGroup: group, kind: "ClusterRole", name: READER }, subjects });
}

/** Takes all rights from the reader and the accounts: the next request of theirs is answered 403. */
export function denyReader(api: KubernetesApi): Promise<void> {
  return api.remove(BINDING);
}

/**
 * A service account with the reader's rights, and a token of its own that `revoke` makes invalid: the next request
 * with it is answered 401, once the apiserver has forgotten its last good verdict (10 s).
 */
export async function makeAccount(
  api: KubernetesApi,
  name: string,
): Promise<{ readonly token: string; revoke(): Promise<void> }> {
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: "default" } };
  await api.apply(account);
  const { status } = await api.send<{ status: { token: string } }>("POST", `${ACCOUNTS}/${name}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 3600 },
  });
  return { token: status.token, revoke: () => api.remove(account) };
}
