/** One cluster's API server, as deploy needs it: any kind of object, by discovery. `client.ts` gives the real one. */
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { Delta } from "../../src/kubernetes/reflector.ts";
import type { Json, JsonObject } from "../json/value.ts";
import type { ObjectKey } from "../plan/object-key.ts";

/** Group and kind; the version is the cluster's preferred one, or that of the manifest. */
export type KindRef = Pick<ObjectKey, "group" | "kind">;

/** A kind as the cluster serves it. */
export interface ApiResource extends KindRef {
  readonly version: string;
  /** As in paths, such as `deployments`. */
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: ReadonlySet<string>;
}

export interface Discovery {
  readonly resources: readonly ApiResource[];
  /** The version named, or the preferred one. Undefined: not served, or its group is in `unanswered`. */
  find(kind: KindRef, version?: string): ApiResource | undefined;
  /** Groups whose own server does not answer: what they serve is not known, which is not the same as missing. */
  readonly unanswered: ReadonlySet<string>;
}

/** Another field manager owns what was to be applied. */
export interface FieldConflict {
  readonly manager: string;
  /** In the words of the API server, such as `.spec.replicas`. */
  readonly path: string;
}

/** Why a request was not carried out. */
export interface KubeRefusal {
  readonly error: MeshbridgeError;
  /** The HTTP status; undefined when there was no answer: then it may have been carried out. */
  readonly status: number | undefined;
  /** `reason` of the Status object: NotFound, Conflict, Forbidden, Expired … `KindNotServed` is our own. */
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** Of a server-side apply without force. */
  readonly conflicts: readonly FieldConflict[];
}

export type Answer<T> = { readonly value: T } | KubeRefusal;

export interface Selection {
  /** Default: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Only metadata is sent and kept (PartialObjectMetadata). */
  readonly metadataOnly?: boolean;
}

export interface WriteOptions {
  /** The server checks and answers as if it had been done, and does nothing. */
  readonly dryRun?: boolean;
  readonly fieldManager: string;
  /** Such as `status` or `token`. */
  readonly subresource?: string;
}

export interface CreateOptions extends WriteOptions {
  /** With a subresource: the object it is of, when what is sent is of another kind, such as a TokenRequest. */
  readonly of?: ObjectKey;
}

export interface ApplyOptions extends WriteOptions {
  /** Takes fields from other managers. */
  readonly force: boolean;
}

export interface RemoveOptions {
  readonly dryRun?: boolean;
  /** Preconditions: what was seen. An object that is another by now is left, with 409 Conflict. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** What happens to what it owns, such as Pods. Default Background. */
  readonly propagation?: "Background" | "Foreground" | "Orphan";
}

/**
 * Answers are data: nothing rejects but by the signal, with its reason. Each request has a deadline of its own (10 s), and
 * nothing is tried again here. A kind that is not served is a refusal with 404 and `KindNotServed`.
 */
export interface ClusterClient {
  /** Name in the fleet. */
  readonly name: string;
  /** For messages. */
  readonly address: string;
  /** What the server serves; kept, and asked for anew with `refresh`. */
  discover(signal: AbortSignal, options?: { readonly refresh?: boolean }): Promise<Answer<Discovery>>;
  /** Of the API server, such as `v1.36.3`. */
  version(signal: AbortSignal): Promise<Answer<string>>;
  get(key: ObjectKey, signal: AbortSignal): Promise<Answer<JsonObject>>;
  /** Complete, or a refusal. Every item has `apiVersion` and `kind`. */
  list(kind: KindRef, selection: Selection, signal: AbortSignal): Promise<Answer<readonly JsonObject[]>>;
  /** Server-side apply. The answer is the object afterwards. */
  apply(manifest: JsonObject, options: ApplyOptions, signal: AbortSignal): Promise<Answer<JsonObject>>;
  /** POST: 409 AlreadyExists when it is there. With a subresource, of the object that is named. */
  create(manifest: JsonObject, options: CreateOptions, signal: AbortSignal): Promise<Answer<JsonObject>>;
  /** PUT of the whole: 409 Conflict unless `metadata.resourceVersion` is the newest. */
  replace(manifest: JsonObject, options: WriteOptions, signal: AbortSignal): Promise<Answer<JsonObject>>;
  /** A merge patch (RFC 7386); `metadata.uid` and `metadata.resourceVersion` in it are preconditions. */
  patch(key: ObjectKey, patch: Json, options: WriteOptions, signal: AbortSignal): Promise<Answer<JsonObject>>;
  /** 404 NotFound when it is gone already. */
  remove(key: ObjectKey, options: RemoveOptions, signal: AbortSignal): Promise<Answer<undefined>>;
  /**
   * List and watch, for ever: by `namespace/name`, see the reflector. `keep` decides what of an object stays in memory.
   * A kind that is not served is asked for again as after any failure.
   */
  watch<T>(kind: KindRef, options: WatchOptions<T>, signal: AbortSignal): AsyncGenerator<Delta<T>, void, undefined>;
  /** Closes connections; what is under way fails. */
  close(): void;
}

export interface WatchOptions<T> extends Selection {
  /** Undefined: as if the object were not there. The object has `apiVersion` and `kind`. */
  keep(object: JsonObject): T | undefined;
}
