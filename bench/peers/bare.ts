/**
 * The transport alone: node's HTTP/2 and already encoded bytes, without grpc-js and without any of xDS's rules. It gives
 * everything of a type once when it is first asked for, and what has changed to everybody. What a server costs above it is
 * its own.
 */
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { Node } from "../../src/gen/envoy/config/core/v3/base.ts";
import { clientOf, type NodeDefaults } from "../../src/xds/node.ts";
import { decodeRequest } from "../../src/xds/server/codec.ts";
import { createFrameReader } from "../../src/xds/server/frames.ts";
import { encodeResponse } from "../../src/xds/server/response.ts";
import type { TypeTable } from "../../src/xds/types.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import type { ViewHandle } from "../../src/xds/view-provider.ts";
import type { Views } from "../../src/xds/views.ts";

const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

/** Resolves with the port. */
export function listenBare(views: Views, defaults: NodeDefaults): Promise<number> {
  const streams = new Set<ServerHttp2Stream>();
  const sent = new Map<string, number>();
  let nonces = 0;
  const frame = (typeUrl: string, table: TypeTable, names?: readonly string[]): readonly Uint8Array[] => {
    const resources = names === undefined ? table.all() : names.flatMap((name) => table.get(name) ?? []);
    return encodeResponse("delta", { typeUrl, nonce: `n.${++nonces}`, version: table.version, resources, removed: [] });
  };

  /** The view of the first client is everybody's. */
  let view: ViewHandle | undefined;
  const viewOf = (node: Node | undefined): ViewHandle => {
    view ??= views.acquire(clientOf(node, defaults));
    return view;
  };
  const push = ({ tables }: ViewHandle) => {
    for (const typeUrl of [TYPE_URL.cluster, TYPE_URL.endpoint]) {
      const table = tables.table(typeUrl);
      const names = table.changedSince(sent.get(typeUrl) ?? table.seq);
      sent.set(typeUrl, table.seq);
      if (names.length === 0) continue;
      const bytes = frame(typeUrl, table, names);
      for (const stream of streams) write(stream, bytes);
    }
  };

  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    const reader = createFrameReader(MAX_REQUEST_BYTES);
    const asked = new Set<string>();
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
    stream.on("error", () => streams.delete(stream));
    stream.on("close", () => streams.delete(stream));
    stream.on("data", (bytes: Buffer) => {
      reader.take(bytes, (message) => {
        const { request, node } = decodeRequest("delta", message);
        if (request.nonce !== "") return true;
        const { typeUrl } = request;
        const fresh = view === undefined;
        const handle = viewOf(node);
        if (fresh) handle.subscribe(() => push(handle));
        const table = handle.tables.table(typeUrl);
        sent.set(typeUrl, table.seq);
        if (!asked.has(typeUrl)) write(stream, frame(typeUrl, table));
        asked.add(typeUrl);
        streams.add(stream);
        return true;
      });
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

function write(stream: ServerHttp2Stream, frame: readonly Uint8Array[]): void {
  stream.cork();
  for (const piece of frame) stream.write(piece);
  stream.uncork();
}
