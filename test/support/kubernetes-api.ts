/** Plain HTTPS to a kube-apiserver: no client library, so that tests share nothing with what they test. */
import { request } from "node:https";

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface KubernetesApi {
  /** Creates or changes it (server-side apply, forced); a `status` is applied too, to the status subresource. */
  apply(object: KubernetesObject): Promise<void>;
  /** Deletes it at once; one that is not there is as good as deleted. */
  remove(object: Pick<KubernetesObject, "apiVersion" | "kind" | "metadata">): Promise<void>;
  /** Any request; rejects unless the answer is a success. */
  send<T>(method: string, path: string, body?: unknown): Promise<T>;
}

export interface ApiAccess {
  /** `https://127.0.0.1:port`. */
  readonly url: string;
  readonly token: string;
  /** PEM of what vouches for the server; asked at each request, since it can be replaced. */
  readonly ca: () => string;
}

class ApiFailure extends Error {
  readonly status: number;
  constructor(what: string, status: number, body: string) {
    super(`Kubernetes: ${what} answered ${status}: ${body.slice(0, 2000)}`);
    this.status = status;
  }
}

const WITHIN_MS = 15_000;
/** Server-side apply takes YAML, of which JSON is a part. */
const APPLY = "application/apply-patch+yaml";
const APPLY_QUERY = "?fieldManager=tests&force=true";

export function kubernetesApi(access: ApiAccess): KubernetesApi {
  const send = async <T>(method: string, path: string, body?: unknown, type = "application/json") => {
    const { status, text } = await exchange(access, { method, path, type, body: JSON.stringify(body) });
    if (status < 200 || status > 299) throw new ApiFailure(`${method} ${path}`, status, text);
    return JSON.parse(text) as T;
  };
  return {
    async apply(object) {
      await send("PATCH", pathOf(object) + APPLY_QUERY, object, APPLY);
      if (object["status"] !== undefined) await send("PATCH", `${pathOf(object)}/status${APPLY_QUERY}`, object, APPLY);
    },
    async remove(object) {
      try {
        await send("DELETE", `${pathOf(object)}?gracePeriodSeconds=0&propagationPolicy=Background`);
      } catch (error) {
        if (!(error instanceof ApiFailure && error.status === 404)) throw error;
      }
    },
    send: (method, path, body) => send(method, path, body),
  };
}

/** The object's own address, e.g. `/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/web-1`. */
function pathOf({ apiVersion, kind, metadata }: Pick<KubernetesObject, "apiVersion" | "kind" | "metadata">): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const space = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  const plural = kind.endsWith("y") ? `${kind.slice(0, -1)}ies` : kind.endsWith("s") ? `${kind}es` : `${kind}s`;
  return `${root}${space}/${plural.toLowerCase()}/${encodeURIComponent(metadata.name)}`;
}

interface Message {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly body: string | undefined;
}

function exchange(access: ApiAccess, { method, path, type, body }: Message): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${access.token}`, "content-type": type };
    const options = { method, headers, ca: access.ca(), signal: AbortSignal.timeout(WITHIN_MS) };
    const sending = request(access.url + path, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
    });
    sending.on("error", reject);
    sending.end(body);
  });
}
