/** Short ways to write stream tests: resources by letters, requests by their names. */
import { makeResource } from "../resource.ts";
import { createTables, type WritableTables } from "../table.ts";
import { type Resource, type ResourceRef, TYPE_URL, type TypeUrl } from "../types.ts";
import type { Answer, DeltaRequest, SotwRequest, StreamResponse, Variant } from "./messages.ts";
import { createXdsStream, type Ttl, type XdsStream } from "./stream.ts";

export const [LDS, RDS, CDS, EDS] = [TYPE_URL.listener, TYPE_URL.route, TYPE_URL.cluster, TYPE_URL.endpoint];
export const [SDS, VHDS, ECDS] = [TYPE_URL.secret, TYPE_URL.virtualHost, TYPE_URL.extension];

export const ref = (typeUrl: TypeUrl, name: string): ResourceRef => ({ typeUrl, name });

export function resource(
  typeUrl: TypeUrl,
  name: string,
  content: string | number = 0,
  refs: readonly ResourceRef[] = [],
): Resource {
  return makeResource(typeUrl, name, Buffer.from(`${name}=${content}`), refs);
}

export interface Rig {
  readonly tables: WritableTables;
  readonly stream: XdsStream;
  set(typeUrl: TypeUrl, name: string, content?: string | number, refs?: readonly ResourceRef[]): void;
  remove(typeUrl: TypeUrl, name: string): void;
  /** Sends a request and returns what it answered. */
  sotw(typeUrl: TypeUrl, names: readonly string[], fields?: Partial<SotwRequest>): Answer;
  delta(typeUrl: TypeUrl, fields?: Partial<DeltaRequest>): Answer;
  /** Flushes and shows `CDS[a b -c]`: present names, then removed ones with a minus, then those without a body with `?` and errors with `!`. */
  flush(): readonly string[];
  /** ACKs the newest response of the type, or NACKs it. */
  ack(typeUrl: TypeUrl): Answer;
  nack(typeUrl: TypeUrl, error?: string): Answer;
  /** The newest response of a type. */
  last(typeUrl: TypeUrl): StreamResponse;
}

const SHORT: Readonly<Record<string, string>> = {
  [LDS]: "LDS",
  [RDS]: "RDS",
  [CDS]: "CDS",
  [EDS]: "EDS",
  [SDS]: "SDS",
  [VHDS]: "VHDS",
  [ECDS]: "ECDS",
};

interface RigOptions {
  readonly complete?: boolean;
  readonly tables?: WritableTables;
  readonly epoch?: string;
  readonly ttl?: Ttl;
  readonly resourceErrors?: boolean;
}

export function rig(
  variant: Variant,
  { complete = true, tables = createTables(), epoch = "e", ttl, resourceErrors = false }: RigOptions = {},
): Rig {
  tables.complete = complete;
  const stream = createXdsStream({ variant, tables, epoch, ttl, resourceErrors });
  const newest = new Map<TypeUrl, StreamResponse>();
  const subscribed = new Map<TypeUrl, readonly string[]>();

  const sotw: Rig["sotw"] = (typeUrl, names, fields = {}) => {
    subscribed.set(typeUrl, names);
    return stream.receive({ variant: "sotw", typeUrl, names, version: "", nonce: "", error: undefined, ...fields });
  };
  const delta: Rig["delta"] = (typeUrl, fields = {}) => {
    const empty = { subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: "", error: undefined };
    return stream.receive({ variant: "delta", typeUrl, ...empty, ...fields });
  };
  const last = (typeUrl: TypeUrl): StreamResponse => {
    const response = newest.get(typeUrl);
    if (response === undefined) throw new Error(`no ${SHORT[typeUrl] ?? typeUrl} response yet`);
    return response;
  };
  const answer = (typeUrl: TypeUrl, error: string | undefined): Answer => {
    const { nonce } = last(typeUrl);
    return variant === "sotw" ? sotw(typeUrl, subscribed.get(typeUrl) ?? [], { nonce, error }) : delta(typeUrl, { nonce, error });
  };

  return {
    tables,
    stream,
    set: (typeUrl, name, content, refs) => {
      tables.table(typeUrl).set(resource(typeUrl, name, content, refs));
    },
    remove: (typeUrl, name) => {
      tables.table(typeUrl).delete(name);
    },
    sotw,
    delta,
    flush: () =>
      stream.flush().map((response) => {
        newest.set(response.typeUrl, response);
        const names = [
          ...response.resources.map(({ name }) => name),
          ...response.removed.map((name) => `-${name}`),
          ...[...(response.bare ?? []), ...(response.kept ?? [])].map(({ name }) => `?${name}`),
          ...(response.missing ?? []).map((name) => `!${name}`),
        ];
        return `${SHORT[response.typeUrl] ?? response.typeUrl}[${names.join(" ")}]`;
      }),
    ack: (typeUrl) => answer(typeUrl, undefined),
    nack: (typeUrl, error = "refused") => answer(typeUrl, error),
    last,
  };
}
