/** A ClusterClient over HTTPS: paths by discovery, one request an answer. */
import { createBackoff } from "../../src/kernel/backoff.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import type { ApiRequest, KubeApi, KubeClient, Query } from "../../src/kubernetes/api.ts";
import { listAll } from "../../src/kubernetes/list.ts";
import { reflect } from "../../src/kubernetes/reflector.ts";
import { isJsonObject, type JsonObject, textAt } from "../json/value.ts";
import { keyOf, type ObjectKey } from "../plan/object-key.ts";
import { DISCOVERY_TYPE, readDiscovery, resourcePath, withKind } from "./discovery.ts";
import { notServed, refusalOf } from "./refusal.ts";
import type { Answer, ApiResource, ClusterClient, Discovery, KindRef, Selection, WriteOptions } from "./types.ts";

const REQUEST_MS = 10_000;
/** What is served is asked for again after so long, so that a new CustomResourceDefinition is noticed. */
const DISCOVERY_MS = 60_000;
const APPLY_TYPE = "application/apply-patch+yaml";
const MERGE_TYPE = "application/merge-patch+json";
const METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const METADATA_WATCH = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

export interface ClientOptions {
  readonly name: string;
  readonly address: string;
  readonly api: KubeClient;
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

export function createClusterClient({ name, address, api, clock, random }: ClientOptions): ClusterClient {
  let known: { readonly discovery: Discovery; readonly at: number } | undefined;

  const send = async (request: ApiRequest, signal: AbortSignal): Promise<Answer<JsonObject>> => {
    const answer = await api.send(request, { timeoutMs: REQUEST_MS, signal });
    if ("error" in answer) return refusalOf(answer);
    if (isJsonObject(answer.body)) return { value: answer.body };
    return refusalOf({ error: api.faults.badReply("it is no object"), status: 200, retryAfterMs: undefined });
  };

  const discover = async (signal: AbortSignal, refresh: boolean): Promise<Answer<Discovery>> => {
    if (known !== undefined && !refresh && clock.monotonic() - known.at < DISCOVERY_MS) return { value: known.discovery };
    const ask = (path: string) => send({ method: "GET", path, query: {}, accept: DISCOVERY_TYPE }, signal);
    const [core, groups] = await Promise.all([ask("/api"), ask("/apis")]);
    if ("error" in core) return core;
    if ("error" in groups) return groups;
    const discovery = readDiscovery([core.value, groups.value]);
    if (discovery === undefined) {
      const error = api.faults.badReply("it does not tell what it serves in one answer: Kubernetes 1.30 or newer is needed");
      return refusalOf({ error, status: 200, retryAfterMs: undefined });
    }
    known = { discovery, at: clock.monotonic() };
    return { value: discovery };
  };

  /** What is not served is asked for once more: it may be new. */
  const resourceOf = async (kind: KindRef, version: string | undefined, signal: AbortSignal): Promise<Answer<ApiResource>> => {
    for (const refresh of [false, true]) {
      const asked = clock.monotonic();
      const discovery = await discover(signal, refresh);
      if ("error" in discovery) return discovery;
      const found = discovery.value.find(kind, version);
      if (found !== undefined) return { value: found };
      if (known !== undefined && known.at >= asked) break;
    }
    return notServed(kind, api.faults);
  };

  const onObject = async (
    key: ObjectKey,
    version: string | undefined,
    request: (path: (subresource?: string) => string, resource: ApiResource) => ApiRequest,
    signal: AbortSignal,
  ): Promise<Answer<JsonObject>> => {
    const resource = await resourceOf(key, version, signal);
    if ("error" in resource) return resource;
    const place = { name: key.name, ...(key.namespace === "" ? {} : { namespace: key.namespace }) };
    const pathOf = (subresource?: string) =>
      resourcePath(resource.value, { ...place, ...(subresource === undefined ? {} : { subresource }) });
    return await send(request(pathOf, resource.value), signal);
  };

  return {
    name,
    address,
    discover: (signal, options) => discover(signal, options?.refresh ?? false),
    async version(signal) {
      const answer = await send({ method: "GET", path: "/version", query: {} }, signal);
      return "error" in answer ? answer : { value: textAt(answer.value, "gitVersion") ?? "" };
    },
    get: (key, signal) => onObject(key, undefined, (path) => ({ method: "GET", path: path(), query: {} }), signal),
    async list(kind, selection, signal) {
      const resource = await resourceOf(kind, undefined, signal);
      if ("error" in resource) return resource;
      const path = resourcePath(resource.value, spaceOf(selection));
      const keep = (raw: unknown) => withKind(raw as JsonObject, resource.value);
      const list = await listAll({ api: readerOf(api, selection), path, query: queryOf(selection), keep, signal });
      if ("error" in list) return refusalOf(list);
      return { value: [...list.items.values()].map(({ item }) => item) };
    },
    apply(manifest, options, signal) {
      const query = { ...writeQuery(options), force: String(options.force) };
      const request = (path: string): ApiRequest => ({ method: "PATCH", path, query, body: manifest, contentType: APPLY_TYPE });
      return onObject(keyOf(manifest), versionOf(manifest), (path) => request(path(options.subresource)), signal);
    },
    async create(manifest, options, signal) {
      const key = options.of ?? keyOf(manifest);
      const resource = await resourceOf(key, options.of === undefined ? versionOf(manifest) : undefined, signal);
      if ("error" in resource) return resource;
      const object = options.subresource === undefined ? {} : { name: key.name, subresource: options.subresource };
      const path = resourcePath(resource.value, { namespace: key.namespace, ...object });
      return await send({ method: "POST", path, query: writeQuery(options), body: manifest }, signal);
    },
    replace(manifest, options, signal) {
      const request = (path: string): ApiRequest => ({ method: "PUT", path, query: writeQuery(options), body: manifest });
      return onObject(keyOf(manifest), versionOf(manifest), (path) => request(path(options.subresource)), signal);
    },
    patch(key, patch, options, signal) {
      const query = writeQuery(options);
      const request = (path: string): ApiRequest => ({ method: "PATCH", path, query, body: patch, contentType: MERGE_TYPE });
      return onObject(key, undefined, (path) => request(path(options.subresource)), signal);
    },
    async remove(key, { dryRun, uid, resourceVersion, propagation = "Background" }, signal) {
      const preconditions = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
      const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: propagation, preconditions };
      const query: Record<string, string> = dryRun === true ? { dryRun: "All" } : {};
      const answer = await onObject(key, undefined, (path) => ({ method: "DELETE", path: path(), query, body }), signal);
      return "error" in answer ? answer : { value: undefined };
    },
    async *watch(kind, { keep, ...selection }, signal) {
      const backoff = createBackoff({ baseMs: 1000, maxMs: DISCOVERY_MS, random });
      let resource = await resourceOf(kind, undefined, signal);
      while ("error" in resource) {
        const retryInMs = Math.max(resource.retryAfterMs ?? 0, backoff.next());
        yield { type: "failed", error: resource.error, retryInMs };
        await clock.sleep(retryInMs, signal);
        resource = await resourceOf(kind, undefined, signal);
      }
      const { value } = resource;
      const path = resourcePath(value, spaceOf(selection));
      const kept = (raw: unknown) => keep(withKind(raw as JsonObject, value));
      yield* reflect({ api: readerOf(api, selection), path, query: queryOf(selection), keep: kept, clock, random, signal });
    },
    close: () => api.close(),
  };
}

/** Metadata alone, when that is all that is wanted. */
function readerOf(api: KubeApi, { metadataOnly }: Selection): KubeApi {
  if (metadataOnly !== true) return api;
  return {
    faults: api.faults,
    get: (path, query, limits) => api.get(path, query, { ...limits, accept: METADATA_LIST }),
    watch: (path, query, signal) => api.watch(path, query, signal, METADATA_WATCH),
    close: () => api.close(),
  };
}

function spaceOf({ namespace }: Selection): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

function queryOf({ labelSelector, fieldSelector }: Selection): Query {
  return { ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) };
}

function writeQuery({ dryRun, fieldManager }: WriteOptions): Query {
  return { fieldManager, fieldValidation: "Strict", ...(dryRun === true && { dryRun: "All" }) };
}

function versionOf(manifest: JsonObject): string | undefined {
  return textAt(manifest, "apiVersion")?.split("/").at(-1);
}
