/**
 * An xDS client as the protocol describes it, for tests: it applies what it accepts, remembers what it asked for, and
 * notes every breach of the rules it sees.
 */
import { TYPE_URL, type TypeUrl } from "../types.ts";
import type { StreamRequest, StreamResponse, Variant } from "./messages.ts";
import { isWildcardType } from "./subscription.ts";

interface ClientType {
  wild: boolean;
  readonly names: Set<string>;
  /** Version held by name. */
  readonly held: Map<string, string>;
  /** Responses not answered yet, oldest first. */
  readonly pending: StreamResponse[];
  started: boolean;
  version: string;
}

export interface ModelClient {
  readonly breaches: readonly string[];
  /** Subscribes or unsubscribes by name (`*` is the wildcard) and returns the request that says so. */
  edit(typeUrl: TypeUrl, subscribe: readonly string[], unsubscribe: readonly string[]): StreamRequest;
  take(responses: readonly StreamResponse[]): void;
  /** Answers the oldest response: an ACK, or a NACK, which leaves what is held as it was. */
  answer(typeUrl: TypeUrl, accept: boolean): StreamRequest | undefined;
  waiting(typeUrl: TypeUrl): number;
  held(typeUrl: TypeUrl): ReadonlyMap<string, string>;
  subscribed(typeUrl: TypeUrl): { readonly wild: boolean; readonly names: ReadonlySet<string> };
  /** The stream broke: what is held stays; returns the first requests on a new stream. */
  reconnect(): readonly StreamRequest[];
}

export function createModelClient(variant: Variant): ModelClient {
  const types = new Map<TypeUrl, ClientType>();
  const breaches: string[] = [];

  const typeOf = (typeUrl: TypeUrl): ClientType => {
    const known = types.get(typeUrl);
    if (known !== undefined) return known;
    const fresh: ClientType = { wild: false, names: new Set(), held: new Map(), pending: [], started: false, version: "" };
    types.set(typeUrl, fresh);
    return fresh;
  };

  const wants = (type: ClientType, name: string) => type.wild || type.names.has(name);

  const listOf = ({ wild, names }: ClientType) => (wild ? ["*", ...names] : [...names]);

  const sotw = (typeUrl: TypeUrl, type: ClientType, nonce: string, error?: string): StreamRequest => ({
    variant: "sotw",
    typeUrl,
    names: listOf(type),
    version: type.version,
    nonce,
    error,
  });

  const drop = (type: ClientType) => {
    for (const name of [...type.held.keys()]) if (!wants(type, name)) type.held.delete(name);
  };

  const apply = (type: ClientType, { typeUrl, resources, removed, version }: StreamResponse) => {
    const whole = variant === "sotw" && isWildcardType(typeUrl);
    if (whole) type.held.clear();
    for (const { name, version: resourceVersion } of resources) if (wants(type, name)) type.held.set(name, resourceVersion);
    for (const name of removed) type.held.delete(name);
    type.version = version;
  };

  return {
    breaches,
    edit(typeUrl, subscribe, unsubscribe) {
      const type = typeOf(typeUrl);
      const first = !type.started;
      type.started = true;
      for (const name of subscribe) {
        if (name === "*") type.wild = true;
        else type.names.add(name);
      }
      for (const name of unsubscribe) {
        if (name === "*") type.wild = false;
        else {
          type.names.delete(name);
          // Delta alone can say "drop this one" of what the wildcard covers; the server must then answer it.
          if (variant === "delta") type.held.delete(name);
        }
      }
      drop(type);
      if (variant === "sotw")
        return sotw(typeUrl, type, type.pending[0]?.nonce === undefined ? "spontaneous" : "stale", undefined);
      return {
        variant,
        typeUrl,
        subscribe,
        unsubscribe,
        nonce: "",
        error: undefined,
        initialVersions: first ? new Map(type.held) : new Map(),
      };
    },
    take(responses) {
      for (const response of responses) {
        const type = typeOf(response.typeUrl);
        const names = [...response.resources.map(({ name }) => name), ...response.removed];
        if (new Set(names).size !== names.length) breaches.push(`a name twice in one ${response.typeUrl} response`);
        if (type.pending.length > 0 && variant === "sotw") breaches.push(`two ${response.typeUrl} responses unanswered`);
        type.pending.push(response);
      }
    },
    answer(typeUrl, accept) {
      const type = typeOf(typeUrl);
      const response = type.pending.shift();
      if (response === undefined) return undefined;
      if (accept) apply(type, response);
      const error = accept ? undefined : "refused by the test";
      if (variant === "sotw") return sotw(typeUrl, type, response.nonce, error);
      return { variant, typeUrl, subscribe: [], unsubscribe: [], nonce: response.nonce, error, initialVersions: new Map() };
    },
    waiting: (typeUrl) => typeOf(typeUrl).pending.length,
    held: (typeUrl) => typeOf(typeUrl).held,
    subscribed: (typeUrl) => typeOf(typeUrl),
    reconnect() {
      return [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route].flatMap((typeUrl): StreamRequest[] => {
        const type = types.get(typeUrl);
        if (type === undefined || !type.started) return [];
        type.pending.length = 0;
        if (variant === "sotw") return [sotw(typeUrl, type, "of-another-stream")];
        const initialVersions = new Map(type.held);
        return [{ variant, typeUrl, subscribe: listOf(type), unsubscribe: [], nonce: "", error: undefined, initialVersions }];
      });
    },
  };
}
