/**
 * The transport alone: already encoded bytes, without grpc-js and without any of xDS's rules. Everything of a type is given
 * once when it is first asked for, and what has changed to everybody. What a server costs above it is its own. Over node's
 * HTTP/2, and over one that is framed by hand on the socket, which knows no more of HTTP/2 than the load generator needs.
 */
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import { clientOf, type NodeDefaults } from "../../src/xds/node.ts";
import { decodeRequest } from "../../src/xds/server/codec.ts";
import { createFrameReader } from "../../src/xds/server/frames.ts";
import { BACKLOG, MAX_REQUEST_BYTES } from "../../src/xds/server/options.ts";
import { encodeResponse } from "../../src/xds/server/response.ts";
import { TYPE_URL, type TypeTable } from "../../src/xds/types.ts";
import type { ViewHandle } from "../../src/xds/view-provider.ts";
import type { Views } from "../../src/xds/views.ts";

type Frame = readonly Uint8Array[];

interface Client {
  write(frame: Frame): void;
}

/** Takes a client's messages. */
type Take = (message: Buffer) => boolean;

/** What every client is told; the view of the first one is everybody's. */
function createAnswers(views: Views, defaults: NodeDefaults) {
  const clients = new Set<Client>();
  const sent = new Map<string, number>();
  let nonces = 0;
  let view: ViewHandle | undefined;

  const frame = (typeUrl: string, table: TypeTable, names?: readonly string[]): Frame => {
    const resources = names === undefined ? table.all() : names.flatMap((name) => table.get(name) ?? []);
    return encodeResponse("delta", { typeUrl, nonce: `n.${++nonces}`, version: table.version, resources, removed: [] });
  };
  const push = ({ tables }: ViewHandle) => {
    for (const typeUrl of [TYPE_URL.cluster, TYPE_URL.endpoint]) {
      const table = tables.table(typeUrl);
      const names = table.changedSince(sent.get(typeUrl) ?? table.seq);
      sent.set(typeUrl, table.seq);
      if (names.length === 0) continue;
      const bytes = frame(typeUrl, table, names);
      for (const client of clients) client.write(bytes);
    }
  };

  return {
    leave: (client: Client) => clients.delete(client),
    join(client: Client): Take {
      const asked = new Set<string>();
      return (message) => {
        const { request, node } = decodeRequest("delta", message);
        if (request.nonce !== "") return true;
        if (view === undefined) {
          const handle = views.acquire(clientOf(node, defaults));
          handle.subscribe(() => push(handle));
          view = handle;
        }
        const table = view.tables.table(request.typeUrl);
        sent.set(request.typeUrl, table.seq);
        if (!asked.has(request.typeUrl)) client.write(frame(request.typeUrl, table));
        asked.add(request.typeUrl);
        clients.add(client);
        return true;
      };
    },
  };
}

/** Resolves with the port. */
export function listenBare(views: Views, defaults: NodeDefaults): Promise<number> {
  const answers = createAnswers(views, defaults);
  const server = createHttp2Server();
  server.on("stream", (stream: ServerHttp2Stream) => {
    const client: Client = {
      write(frame) {
        stream.cork();
        for (const piece of frame) stream.write(piece);
        stream.uncork();
      },
    };
    const take = answers.join(client);
    const reader = createFrameReader(MAX_REQUEST_BYTES);
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
    stream.on("error", () => answers.leave(client));
    stream.on("close", () => answers.leave(client));
    stream.on("data", (bytes: Buffer) => reader.take(bytes, take));
  });
  return listening(server);
}

/** Frames of HTTP/2 (RFC 9113, sections 4 and 6). */
const FRAME = { head: 9, data: 0, headers: 1, settings: 4, ack: 1, endHeaders: 4, maxBytes: 16_384 };
const PREFACE_BYTES = 24;

/** Resolves with the port. No server: whatever the load generator does not send is not understood. */
export function listenFramed(views: Views, defaults: NodeDefaults): Promise<number> {
  const answers = createAnswers(views, defaults);
  const server = createServer({ noDelay: true }, (socket) => {
    const client: Client = { write: (frame) => writeData(socket, Buffer.concat(frame)) };
    const take = answers.join(client);
    const reader = createFrameReader(MAX_REQUEST_BYTES);
    let held: Buffer = NOTHING;
    let skip = PREFACE_BYTES;
    socket.on("error", () => answers.leave(client));
    socket.on("close", () => answers.leave(client));
    socket.write(http2Frame(FRAME.settings, 0, 0, INITIAL_WINDOW));
    socket.on("data", (bytes: Buffer) => {
      let rest = held.length > 0 ? Buffer.concat([held, bytes]) : bytes;
      if (rest.length < skip) return;
      rest = rest.subarray(skip);
      skip = 0;
      for (let length = lengthOf(rest); length !== undefined; length = lengthOf(rest)) {
        const [type, flags] = [rest[3], rest[4] ?? 0];
        if (type === FRAME.settings && (flags & FRAME.ack) === 0) socket.write(http2Frame(FRAME.settings, FRAME.ack, 0, NOTHING));
        else if (type === FRAME.headers) socket.write(http2Frame(FRAME.headers, FRAME.endHeaders, 1, RESPONSE_HEADERS));
        else if (type === FRAME.data) reader.take(rest.subarray(FRAME.head, length), take);
        rest = rest.subarray(length);
      }
      held = rest;
    });
  });
  return listening(server);
}

const NOTHING = Buffer.alloc(0);
/** SETTINGS_INITIAL_WINDOW_SIZE: 2 GiB less one. */
const INITIAL_WINDOW = Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]);
/** HPACK: `:status: 200` by its index, and a content-type (index 31) that is not indexed. */
const CONTENT_TYPE = Buffer.from("application/grpc+proto");
const RESPONSE_HEADERS = Buffer.concat([Buffer.from([0x88, 0x0f, 0x10, CONTENT_TYPE.length]), CONTENT_TYPE]);

/** Of the first frame, with its head; undefined when it is not there whole. */
function lengthOf(bytes: Buffer): number | undefined {
  const length = bytes.length < FRAME.head ? undefined : FRAME.head + bytes.readUIntBE(0, 3);
  return length === undefined || bytes.length < length ? undefined : length;
}

function frameHead(type: number, flags: number, stream: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME.head);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head;
}

function http2Frame(type: number, flags: number, stream: number, content: Buffer): Buffer {
  return Buffer.concat([frameHead(type, flags, stream, content.length), content]);
}

function writeData(socket: Socket, message: Buffer): void {
  if (message.length <= FRAME.maxBytes) {
    socket.write(http2Frame(FRAME.data, 0, 1, message));
    return;
  }
  socket.cork();
  for (let at = 0; at < message.length; at += FRAME.maxBytes) {
    const piece = message.subarray(at, at + FRAME.maxBytes);
    socket.write(frameHead(FRAME.data, 0, 1, piece.length));
    socket.write(piece);
  }
  socket.uncork();
}

function listening(server: Pick<Server, "once" | "listen" | "address">): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
