/** Whose token it is, by the cluster's own word (TokenReview): it knows what has expired, and which accounts are gone. */
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import { withTimeout } from "../../src/kernel/promises.ts";
import type { KubeClient } from "../../src/kubernetes/api.ts";
import { fail } from "../../src/model/errors.ts";
import type { TokenOwner, TokenReviewer, TokenReviewRequest, WatchContext } from "../../src/registry/adapter.ts";
import { findCluster } from "./find-cluster.ts";
import type { KubernetesSettings } from "./schema.ts";
import { connectOptions, type Surroundings } from "./start-origins.ts";

const PATH = "/apis/authentication.k8s.io/v1/tokenreviews";
const WITHIN_MS = 5000;

/** Connects like `ConnectCluster`, for requests that write. */
export interface ReviewSurroundings extends Surroundings {
  connect(...args: Parameters<Surroundings["connect"]>): Promise<KubeClient>;
}

/** Follows the cluster's kubeconfig until the context's signal aborts; a review before it is known waits for it. */
export function tokenReviewer(
  config: KubernetesSettings,
  { cluster, audience }: TokenReviewRequest,
  surroundings: ReviewSurroundings,
): TokenReviewer {
  const { context } = surroundings;
  let current: Promise<KubeClient> = Promise.reject(unchecked("its kubeconfig has not been read yet"));
  current.catch(() => undefined);
  const use = (next: Promise<KubeClient>) => {
    // Told to whoever asks; unasked it is nobody's failure.
    next.catch(() => undefined);
    const before = current;
    current = next;
    before.then(
      (api) => api.close(),
      () => undefined,
    );
  };
  const follow = async () => {
    for await (const found of findCluster(config, cluster, surroundings)) {
      if ("reason" in found) use(Promise.reject(unchecked(found.reason)));
      else use(surroundings.connect(found.spec.kubeconfig, connectOptions(found.spec, { config, context })));
    }
  };
  follow().catch((error: unknown) => {
    if (!context.signal.aborted) use(Promise.reject(error instanceof Error ? error : unchecked(String(error))));
  });
  context.signal.addEventListener("abort", () => use(Promise.reject(unchecked("the bridge stops"))), { once: true });
  return { review: async (token) => await ask(await current, token, { audience, context }) };
}

async function ask(
  api: KubeClient,
  token: string,
  { audience, context }: { readonly audience: string; readonly context: WatchContext },
): Promise<TokenOwner | undefined> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token, audiences: [audience] } };
  const limits = { timeoutMs: WITHIN_MS, signal: withTimeout(context.signal, WITHIN_MS) };
  const answer = await api.send({ method: "POST", path: PATH, query: {}, body }, limits);
  if ("error" in answer) throw unchecked(answer.error.message, answer.error);
  return ownerIn(answer.body, audience);
}

/** Undefined unless the cluster says that it is authentic, for this audience, and a service account's. */
export function ownerIn(body: unknown, audience: string): TokenOwner | undefined {
  const { status } = (body ?? {}) as {
    readonly status?: {
      readonly authenticated?: unknown;
      readonly audiences?: unknown;
      readonly user?: { readonly username?: unknown };
    };
  };
  if (status?.authenticated !== true || !Array.isArray(status.audiences) || !status.audiences.includes(audience))
    return undefined;
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(String(status.user?.username)) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

function unchecked(reason: string, cause?: MeshbridgeError): MeshbridgeError {
  return fail("MB_XDS_TOKEN_UNCHECKED", { reason }, { cause });
}
