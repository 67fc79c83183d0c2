/** For tests and benches: an API server over HTTP in this process, with server-side apply in memory and faults on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isJsonObject, type Json, type JsonObject, listAt, textAt, valueAt, withKey } from "../json/value.ts";
import { applied } from "../plan/testing.ts";

/** What it serves: `group`, `version`, `kind`, `plural`, all of a namespace unless `cluster`. */
const RESOURCES = [
  ["", "v1", "ConfigMap", "configmaps"],
  ["", "v1", "Secret", "secrets"],
  ["", "v1", "Service", "services"],
  ["", "v1", "Namespace", "namespaces"],
  ["", "v1", "Node", "nodes"],
  ["", "v1", "Pod", "pods"],
  ["", "v1", "ServiceAccount", "serviceaccounts"],
  ["apps", "v1", "Deployment", "deployments"],
  ["apps", "v1", "ReplicaSet", "replicasets"],
  ["acme.io", "v1", "Widget", "widgets"],
  ["about.k8s.io", "v1alpha1", "ClusterProperty", "clusterproperties"],
  ["deploy.meshbridge.io", "v1alpha1", "Cluster", "clusters"],
  ["deploy.meshbridge.io", "v1alpha1", "FederatedWorkload", "federatedworkloads"],
  ["coordination.k8s.io", "v1", "Lease", "leases"],
  ["multicluster.x-k8s.io", "v1alpha1", "ClusterProfile", "clusterprofiles"],
  ["authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"],
  ["rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles"],
  ["rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings"],
  ["rbac.authorization.k8s.io", "v1", "Role", "roles"],
  ["rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"],
] as const;
const CLUSTER_SCOPED: ReadonlySet<string> = new Set([
  "namespaces",
  "nodes",
  "clusterproperties",
  "clusters",
  "clusterroles",
  "clusterrolebindings",
  "selfsubjectaccessreviews",
]);

export interface FakeServer {
  readonly url: string;
  /** Objects by `plural/namespace/name`. */
  readonly objects: Map<string, JsonObject>;
  /** Requests so far, by method; dry runs are not counted. */
  readonly counts: Record<string, number>;
  /** The next `times` requests whose method is in `methods` are answered so, instead. */
  refuse(status: number, times: number, methods?: readonly string[]): void;
  /** Every request about these resources is answered 403, as for an account without rights; an empty list ends it. */
  forbid(plurals: readonly string[], methods?: readonly string[]): void;
  /** From now on any other token is answered 401, also on what is being watched, which ends. */
  accept(token: string): void;
  /** Requests are taken and not answered, as by a stopped process. */
  hang(on: boolean): void;
  /** Every answer waits so long. */
  slow(ms: number): void;
  /** Ends every watch in the middle of it. */
  cutWatches(): void;
  /** Forgets history: a watch that resumes is told 410 Expired. */
  compact(): void;
  /** Changes an object as somebody else would, and tells the watches. */
  put(key: string, object: JsonObject): void;
  close(): Promise<void>;
}

interface Watch {
  readonly plural: string;
  readonly response: ServerResponse;
  readonly metadataOnly: boolean;
}

/** Listens on a free port of the loopback. */
export async function startFakeServer(): Promise<FakeServer> {
  const objects = new Map<string, JsonObject>();
  const counts: Record<string, number> = {};
  const watches = new Set<Watch>();
  const held = new Set<ServerResponse>();
  let version = 1;
  let oldest = 1;
  let history: { readonly version: number; readonly plural: string; readonly type: string; readonly object: JsonObject }[] = [];
  let refusal = { status: 0, times: 0, methods: [] as readonly string[] };
  let forbidden = { plurals: [] as readonly string[], methods: [] as readonly string[] };
  let accepted: string | undefined;
  let hanging = false;
  let latencyMs = 0;

  const tell = (type: string, plural: string, object: JsonObject) => {
    history.push({ version, plural, type, object });
    if (history.length > 1000) oldest = history.splice(0, 500).at(-1)?.version ?? oldest;
    for (const one of watches) if (one.plural === plural) one.response.write(lineOf(type, object, one.metadataOnly));
  };
  const store = (key: string, object: JsonObject): JsonObject => {
    const before = objects.get(key);
    const metadata = valueAt(object, ["metadata"]) as JsonObject;
    const uid = textAt(before, "metadata", "uid") ?? `uid-${version + 1}`;
    const same = before !== undefined && JSON.stringify(stripVersion(object)) === JSON.stringify(stripVersion(before));
    if (same) return before;
    version++;
    const changed = JSON.stringify(before?.["spec"]) !== JSON.stringify(object["spec"]);
    const generation = Number(valueAt(before, ["metadata", "generation"]) ?? 0) + (changed ? 1 : 0);
    const stamped = withKey(object, "metadata", { ...metadata, uid, generation, resourceVersion: String(version) });
    objects.set(key, stamped);
    tell(before === undefined ? "ADDED" : "MODIFIED", key.slice(0, key.indexOf("/")), stamped);
    return stamped;
  };

  const forget = (key: string, object: JsonObject) => {
    version++;
    objects.delete(key);
    tell("DELETED", key.slice(0, key.indexOf("/")), object);
  };

  const answer = (request: IncomingMessage, response: ServerResponse, text: string) => {
    const url = new URL(request.url ?? "/", "http://fake");
    const method = request.method ?? "GET";
    const dryRun = url.searchParams.has("dryRun");
    if (!dryRun) counts[method] = (counts[method] ?? 0) + 1;
    if (refusal.times > 0 && (refusal.methods.length === 0 || refusal.methods.includes(method))) {
      refusal = { ...refusal, times: refusal.times - 1 };
      return reply(response, refusal.status, statusObject(refusal.status, "refused for the test"));
    }
    if (accepted !== undefined && request.headers.authorization !== `Bearer ${accepted}`)
      return reply(response, 401, statusObject(401, "no such token", "Unauthorized"));
    if (url.pathname === "/api" || url.pathname === "/apis") return reply(response, 200, discovery(url.pathname === "/api"));
    if (url.pathname === "/version") return reply(response, 200, { gitVersion: "v1.0.0-fake" });
    const place = placeOf(url.pathname);
    if (place === undefined) return reply(response, 404, statusObject(404, "no such path"));
    const meant = forbidden.methods.length === 0 || forbidden.methods.includes(method);
    if (meant && forbidden.plurals.includes(place.plural))
      return reply(response, 403, statusObject(403, "no right", "Forbidden"));
    const metadataOnly = (request.headers.accept ?? "").includes("PartialObjectMetadata");
    if (place.name === undefined) {
      if (url.searchParams.get("watch") === "true")
        return watch({ response, plural: place.plural, metadataOnly }, url.searchParams.get("resourceVersion"));
      if (method === "GET") return reply(response, 200, listOf(place, url.searchParams, metadataOnly));
    }
    const body = text === "" ? {} : (JSON.parse(text) as JsonObject);
    if (place.subresource === "token") return reply(response, 201, { status: { token: fakeToken(place, body) } });
    if (place.plural === "selfsubjectaccessreviews") {
      const resource = textAt(body, "spec", "resourceAttributes", "resource") ?? "";
      return reply(response, 201, { ...body, status: { allowed: !forbidden.plurals.includes(resource) } });
    }
    const name = place.name ?? textAt(body, "metadata", "name") ?? "";
    const key = `${place.plural}/${place.namespace}/${name}`;
    const live = objects.get(key);
    if (live === undefined && ["GET", "DELETE", "PUT"].includes(method))
      return reply(response, 404, statusObject(404, `${key} not found`));
    if (method === "GET") return reply(response, 200, live as JsonObject);
    if (method === "DELETE") {
      const wanted = textAt(body, "preconditions", "uid");
      if (wanted !== undefined && wanted !== textAt(live, "metadata", "uid"))
        return reply(response, 409, statusObject(409, "the UID in the precondition does not match"));
      if (!dryRun && listAt(live, "metadata", "finalizers").length > 0) {
        const metadata = { ...(valueAt(live, ["metadata"]) as JsonObject), deletionTimestamp: "2026-01-01T00:00:00Z" };
        return reply(response, 200, store(key, { ...(live as JsonObject), metadata }));
      }
      if (!dryRun) forget(key, live as JsonObject);
      return reply(response, 200, statusObject(200, "deleted"));
    }
    if (method === "POST" && live !== undefined)
      return reply(response, 409, statusObject(409, `${key} already exists`, "AlreadyExists"));
    const given = textAt(body, "metadata", "resourceVersion");
    if ((method === "PUT" || given !== undefined) && live !== undefined && given !== textAt(live, "metadata", "resourceVersion"))
      return reply(response, 409, statusObject(409, "the object has been modified"));
    const apply = request.headers["content-type"] === "application/apply-patch+yaml";
    const next =
      method !== "PATCH"
        ? place.subresource === "status"
          ? { ...(live as JsonObject), status: body["status"] ?? {} }
          : body
        : apply
          ? applied(live, body, url.searchParams.get("fieldManager") ?? "")
          : (mergePatch(live ?? {}, body) as JsonObject);
    const stored = dryRun ? next : store(key, next);
    const ends =
      textAt(stored, "metadata", "deletionTimestamp") !== undefined && listAt(stored, "metadata", "finalizers").length === 0;
    if (ends && !dryRun) forget(key, stored);
    return reply(response, live === undefined ? 201 : 200, stored);
  };

  const watch = (one: Watch, from: string | null) => {
    const { response, plural, metadataOnly } = one;
    response.writeHead(200, { "content-type": "application/json" });
    if (Number(from) < oldest) {
      response.end(`${JSON.stringify({ type: "ERROR", object: statusObject(410, "too old resource version", "Expired") })}\n`);
      return;
    }
    response.flushHeaders();
    for (const event of history)
      if (event.plural === plural && event.version > Number(from)) response.write(lineOf(event.type, event.object, metadataOnly));
    watches.add(one);
    response.on("close", () => watches.delete(one));
  };

  const listOf = ({ plural, namespace }: Place, search: URLSearchParams, metadataOnly: boolean): JsonObject => {
    const prefix = namespace === "" ? `${plural}/` : `${plural}/${namespace}/`;
    const [label = "", value] = (search.get("labelSelector") ?? "").split("=");
    const all = [...objects]
      .filter(([key, object]) => key.startsWith(prefix) && hasLabel(object, label, value))
      .map(([, object]) => object);
    const from = Number(search.get("continue") ?? 0);
    const to = from + Number(search.get("limit") ?? all.length);
    const next = to < all.length ? { continue: String(to) } : {};
    return {
      kind: "List",
      metadata: { resourceVersion: String(version), ...next },
      items: all.slice(from, to).map((object) => (metadataOnly ? partial(object) : object)),
    };
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (hanging) {
        held.add(response);
        return;
      }
      const text = Buffer.concat(chunks).toString("utf8");
      if (latencyMs === 0) answer(request, response, text);
      else setTimeout(() => answer(request, response, text), latencyMs);
    });
  });
  // As real ones do: idle connections are kept, so that no request meets one that is just being closed.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    counts,
    refuse(status, times, methods = []) {
      refusal = { status, times, methods };
    },
    forbid(plurals, methods = []) {
      forbidden = { plurals, methods };
    },
    hang(on) {
      hanging = on;
      if (!on) for (const response of held) response.destroy();
    },
    slow(ms) {
      latencyMs = ms;
    },
    accept(token) {
      accepted = token;
      for (const one of watches) one.response.destroy();
    },
    cutWatches() {
      for (const one of watches) one.response.destroy();
    },
    compact() {
      history = [];
      oldest = ++version;
    },
    put: (key, object) => void store(key, object),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Place {
  readonly plural: string;
  readonly namespace: string;
  readonly name: string | undefined;
  readonly subresource?: string | undefined;
}

function placeOf(path: string): Place | undefined {
  const parts = path
    .split("/")
    .filter(Boolean)
    .slice(path.startsWith("/api/") ? 2 : 3);
  if (parts[0] === "namespaces" && parts.length > 2) {
    const [, namespace = "", plural = "", name, subresource] = parts;
    return { namespace, plural, name, subresource };
  }
  return parts[0] === undefined ? undefined : { namespace: "", plural: parts[0], name: parts[1] };
}

/** A token as a server would sign it, but for the signature. */
function fakeToken({ namespace, name }: Place, body: JsonObject): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    sub: `system:serviceaccount:${namespace}:${name}`,
    iat: now,
    exp: now + Number(valueAt(body, ["spec", "expirationSeconds"])),
  };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
}

function hasLabel(object: JsonObject, label: string, value: string | undefined): boolean {
  if (label === "") return true;
  const found = textAt(object, "metadata", "labels", label);
  return value === undefined ? found !== undefined : found === value;
}

function lineOf(type: string, object: JsonObject, metadataOnly: boolean): string {
  return `${JSON.stringify({ type, object: metadataOnly ? partial(object) : object })}\n`;
}

function partial({ metadata = {} }: JsonObject): JsonObject {
  return { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata", metadata };
}

function stripVersion(object: JsonObject): JsonObject {
  const { resourceVersion: _, uid: __, generation: ___, ...metadata } = valueAt(object, ["metadata"]) as JsonObject;
  return { ...object, metadata };
}

function mergePatch(target: Json, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, Json> = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key] ?? {}, value);
  }
  return result;
}

function statusObject(
  code: number,
  message: string,
  reason = code === 409 ? "Conflict" : code === 404 ? "NotFound" : "",
): JsonObject {
  return { apiVersion: "v1", kind: "Status", code, message, reason };
}

function reply(response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function discovery(core: boolean): JsonObject {
  const groups = new Map<string, (typeof RESOURCES)[number][]>();
  for (const one of RESOURCES) if ((one[0] === "") === core) groups.set(one[0], [...(groups.get(one[0]) ?? []), one]);
  const items = [...groups].map(([name, resources]) => ({
    metadata: { name },
    versions: [
      {
        version: resources[0]?.[1] ?? "v1",
        freshness: "Current",
        resources: resources.map(([group, version, kind, resource]) => ({
          resource,
          responseKind: { group, version, kind },
          scope: CLUSTER_SCOPED.has(resource) ? "Cluster" : "Namespaced",
          verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
        })),
      },
    ],
  }));
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", items };
}
