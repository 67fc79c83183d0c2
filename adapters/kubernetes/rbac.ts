/**
 * The least rights the bridge reads a cluster with, as Kubernetes objects to apply there: `list` and `watch` on Services and
 * EndpointSlices, where they are read; on Secrets only in the one namespace that kubeconfigs are kept in, and on those that
 * are followed by name. Pure.
 */
import type { KubernetesSettings } from "./schema.ts";
import { selectionOf } from "./selection.ts";

/** What `kubectl apply -f` takes. */
export type Manifest = Readonly<Record<string, unknown>>;

export interface RbacOptions {
  /** The account that gets the rights; made too. */
  readonly account: { readonly namespace: string; readonly name: string };
  /** The cluster is the one whose Secrets name other clusters. */
  readonly home: boolean;
  /** Tokens of clients are looked into. */
  readonly tokens?: boolean;
  /** Secrets that are followed by name. */
  readonly secrets?: readonly { readonly namespace: string; readonly name: string }[];
}

const VERBS = ["list", "watch"] as const;
const READ = [
  { apiGroups: [""], resources: ["services"], verbs: VERBS },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: VERBS },
] as const;
/** A label selector cannot be demanded by a role: whoever may list Secrets may list all of the namespace. */
const READ_SECRETS = [{ apiGroups: [""], resources: ["secrets"], verbs: VERBS }] as const;
/** Creates nothing that stays: the answer is in the reply. */
const REVIEW_TOKENS = [{ apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] }] as const;
const API_GROUP = "rbac.authorization.k8s.io";

/** For one cluster; by namespace when the settings name namespaces without a pattern, else for the whole cluster. */
export function rbacManifests(
  config: KubernetesSettings,
  { account, home, secrets: followed = [], tokens = false }: RbacOptions,
): readonly Manifest[] {
  const { namespaces } = selectionOf(config);
  const secrets = home ? config.discover?.secrets : undefined;
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { ...account } },
    ...(namespaces === undefined
      ? grant(account, { rules: READ, suffix: "" })
      : namespaces.flatMap((namespace) => grant(account, { rules: READ, suffix: "", namespace }))),
    ...(secrets === undefined
      ? []
      : grant(account, { rules: READ_SECRETS, suffix: "-clusters", namespace: secrets.namespace ?? "meshbridge-system" })),
    ...(tokens ? grant(account, { rules: REVIEW_TOKENS, suffix: "-tokens" }) : []),
    ...[...new Set(followed.map(({ namespace }) => namespace))].flatMap((namespace) => {
      const resourceNames = followed.filter((one) => one.namespace === namespace).map(({ name }) => name);
      // Lists and watches count as those of a name when they select it (`fieldSelector=metadata.name=…`).
      const rules = [{ apiGroups: [""], resources: ["secrets"], resourceNames: [...new Set(resourceNames)], verbs: VERBS }];
      return grant(account, { rules, suffix: "-tls", namespace });
    }),
  ];
}

interface Grant {
  readonly rules: readonly object[];
  readonly suffix: string;
  /** Undefined: in the whole cluster. */
  readonly namespace?: string;
}

function grant(account: RbacOptions["account"], { rules, suffix, namespace }: Grant): readonly Manifest[] {
  const scope = namespace === undefined ? "ClusterRole" : "Role";
  const name = `${account.name}${suffix}`;
  const metadata = { name, ...(namespace !== undefined && { namespace }) };
  const apiVersion = `${API_GROUP}/v1`;
  return [
    { apiVersion, kind: scope, metadata, rules },
    {
      apiVersion,
      kind: `${scope}Binding`,
      metadata,
      roleRef: { apiGroup: API_GROUP, kind: scope, name },
      subjects: [{ kind: "ServiceAccount", ...account }],
    },
  ];
}
