/** Clusters from Secrets of a home cluster: one Secret with the label is one cluster. */
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { KubeApi } from "../../src/kubernetes/api.ts";
import { reflect } from "../../src/kubernetes/reflector.ts";
import { fail } from "../../src/model/errors.ts";
import type { WatchContext } from "../../src/registry/adapter.ts";
import type { OriginUpdate } from "./origins.ts";
import { type ClusterSpec, placeOf } from "./specs.ts";

/** Its value is the name of the cluster. */
const CLUSTER_LABEL = "meshbridge.io/cluster";

interface KeptSecret {
  /** `namespace/name`. */
  readonly key: string;
  readonly cluster: string;
  /** Undefined: the Secret has no usable kubeconfig. */
  readonly kubeconfig: string | undefined;
}

interface SecretsOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly context: Pick<WatchContext, "clock" | "random" | "signal" | "settings" | "baseDir">;
  /** The newest version that an earlier connection saw; kept up to date here. */
  readonly versions: Map<string, string>;
}

/** What the Secrets say, anew whenever one changed. While they cannot be read, every cluster of them stays. */
export async function* clustersInSecrets({ api, namespace, versions, context }: SecretsOptions): AsyncGenerator<OriginUpdate> {
  const known = new Map<string, KeptSecret>();
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
  const query = { labelSelector: CLUSTER_LABEL };
  let listed = false;
  for await (const delta of reflect({ api, path, query, keep: keepSecret, ...context, since: versions.get(path) })) {
    if (delta.type === "listed") versions.set(path, delta.resourceVersion);
    if (delta.type === "failed") yield { specs: undefined, errors: new Map([["", delta.error]]) };
    if (delta.type === "current" || delta.type === "failed") continue;
    for (const [key, secret] of delta.changes) {
      if (secret === undefined) known.delete(key);
      else known.set(key, secret);
    }
    listed ||= delta.type === "listed";
    // A list in doubt removes no cluster: what it lacks may have been there before the restore.
    const doubtful = delta.type === "listed" && delta.evidence.kind === "suspect";
    if (listed && !doubtful) yield update(known.values(), context);
  }
}

function update(secrets: Iterable<KeptSecret>, { settings, baseDir }: Pick<WatchContext, "settings" | "baseDir">): OriginUpdate {
  const specs = new Map<string, ClusterSpec | undefined>();
  const errors = new Map<string, MeshbridgeError>();
  for (const { key, cluster, kubeconfig } of [...secrets].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const origin = `Secret ${key}`;
    if (specs.has(cluster)) {
      errors.set(
        cluster,
        fail("MB_KUBECONFIG_INVALID", { origin, field: CLUSTER_LABEL, reason: "another Secret names the same cluster" }),
      );
    } else if (kubeconfig === undefined) {
      specs.set(cluster, undefined);
      errors.set(
        cluster,
        fail("MB_KUBECONFIG_INVALID", { origin, field: "data", reason: "it has no key `kubeconfig`, and not exactly one key" }),
      );
    } else {
      const place = placeOf({}, settings);
      specs.set(cluster, { name: cluster, kubeconfig, origin, dir: baseDir, context: undefined, local: false, ...place });
    }
  }
  return { specs, errors };
}

function keepSecret(raw: unknown): KeptSecret | undefined {
  const { metadata, data } = (raw ?? {}) as { readonly metadata?: Mapping; readonly data?: unknown };
  const cluster = ((metadata?.["labels"] ?? {}) as Mapping)[CLUSTER_LABEL];
  if (typeof cluster !== "string" || cluster === "") return undefined;
  const values = Object.entries(typeof data === "object" && data !== null ? data : {});
  const [, encoded] = values.find(([name]) => name === "kubeconfig") ?? (values.length === 1 ? (values[0] ?? []) : []);
  const kubeconfig = typeof encoded === "string" ? Buffer.from(encoded, "base64").toString("utf8") : undefined;
  return { key: `${metadata?.["namespace"]}/${metadata?.["name"]}`, cluster, kubeconfig };
}

type Mapping = Readonly<Record<string, unknown>>;
