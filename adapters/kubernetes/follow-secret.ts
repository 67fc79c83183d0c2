/** One Secret of one of the registry's clusters, followed over a connection of its own. Nothing else of Secrets is read. */
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import { type Delta, reflect } from "../../src/kubernetes/reflector.ts";
import type { SecretContent, SecretRequest } from "../../src/registry/adapter.ts";
import { type Found, findCluster } from "./find-cluster.ts";
import type { KubernetesSettings } from "./schema.ts";
import type { ClusterSpec } from "./specs.ts";
import { connectOptions, type Surroundings } from "./start-origins.ts";
import { switching } from "./switching.ts";

type Data = ReadonlyMap<string, Uint8Array>;

/** Yields what the Secret holds, or why that cannot be told; begins anew when the cluster's kubeconfig changes. */
export async function* watchSecret(
  config: KubernetesSettings,
  request: SecretRequest,
  surroundings: Surroundings,
): AsyncGenerator<SecretContent, void, undefined> {
  const follow = (found: Found, signal: AbortSignal) =>
    "reason" in found ? said(found) : followIn(found.spec, request, { config, surroundings, signal });
  yield* switching(findCluster(config, request.cluster, surroundings), follow);
}

async function* said(content: SecretContent): AsyncGenerator<SecretContent, void, undefined> {
  yield content;
}

interface FollowOptions {
  readonly config: KubernetesSettings;
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal;
}

async function* followIn(
  spec: ClusterSpec,
  { namespace, name }: SecretRequest,
  { config, surroundings: { context, connect }, signal: replaced }: FollowOptions,
): AsyncGenerator<SecretContent, void, undefined> {
  const signal = AbortSignal.any([context.signal, replaced]);
  try {
    const api = await connect(spec.kubeconfig, connectOptions(spec, { config, context }));
    signal.addEventListener("abort", () => api.close(), { once: true });
    const { clock, random } = context;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
    // Asked for so, a role that names this one Secret is right enough for list and watch.
    const query = { fieldSelector: `metadata.name=${name}` };
    for await (const delta of reflect({ api, path, query, keep: dataOf, clock, random, signal })) {
      const content = contentOf(delta, `${namespace}/${name}`);
      if (content !== undefined) yield content;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof MeshbridgeError)) throw error;
    yield { reason: error.message };
  }
}

function contentOf(delta: Delta<Data>, name: string): SecretContent | undefined {
  if (delta.type === "failed") return { reason: delta.error.message };
  if (delta.type === "current") return undefined;
  const [data] = delta.changes.values();
  if (data !== undefined) return { data };
  const missing = delta.type === "listed" ? delta.changes.size === 0 : delta.changes.size > 0;
  return missing ? { reason: `the Secret ${name} is not there` } : undefined;
}

function dataOf(raw: unknown): Data {
  const { data } = (raw ?? {}) as { readonly data?: unknown };
  const entries = Object.entries(typeof data === "object" && data !== null ? data : {});
  return new Map(entries.flatMap(([key, value]) => (typeof value === "string" ? [[key, Buffer.from(value, "base64")]] : [])));
}
