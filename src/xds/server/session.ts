/**
 * One gRPC stream: turns its requests into the stream machine's, and writes what the machine says is due. Back-pressure
 * is honoured: while the client does not read, nothing more is made for it, and after a while it is let go.
 */
import { status as grpcStatus, type ServerDuplexStream } from "@grpc/grpc-js";
import type { Node } from "../../gen/envoy/config/core/v3/base.ts";
import type { Clock } from "../../kernel/clock.ts";
import { MeshbridgeError, reasonOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { fail } from "../../model/errors.ts";
import { agentOf, clientOf, type NodeDefaults } from "../node.ts";
import type { Proxies, ProxySession } from "../proxies.ts";
import type { StreamRequest } from "../stream/messages.ts";
import { createXdsStream, type XdsStream } from "../stream/stream.ts";
import { shortType } from "../types.ts";
import type { ViewHandle, ViewProvider } from "../view-provider.ts";
import { decodeRequest, encodeResponse } from "./codec.ts";
import type { StreamKind } from "./services.ts";

/** A client that has not read what was sent for so long is closed; it reconnects and gets the newest state alone. */
const STALL_MS = 30_000;

/** Counters of what the server does; names and labels are the metrics' matter. */
export interface XdsMetrics {
  stream(variant: string, change: 1 | -1): void;
  response(type: string, bytes: number): void;
  nack(type: string): void;
}

export interface SessionEnv {
  readonly views: ViewProvider;
  readonly proxies: Proxies;
  readonly defaults: NodeDefaults;
  readonly epoch: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: XdsMetrics;
}

export type Call = ServerDuplexStream<Buffer, Buffer>;

export interface Session {
  /** Ends the stream regularly: the client connects again at once. */
  end(): void;
}

interface Open {
  readonly handle: ViewHandle;
  readonly stream: XdsStream;
  readonly proxy: ProxySession;
  readonly unsubscribe: () => void;
  readonly log: Log;
}

/** Serves the call until it ends; `onClose` is called exactly once. */
export function startSession(call: Call, kind: StreamKind, env: SessionEnv, onClose: () => void): Session {
  let open: Open | undefined;
  let closed = false;
  let scheduled = false;
  let stalled: AbortController | undefined;
  env.metrics.stream(kind.variant, 1);

  const close = () => {
    if (closed) return;
    closed = true;
    stalled?.abort();
    env.metrics.stream(kind.variant, -1);
    if (open !== undefined) {
      open.unsubscribe();
      open.handle.release();
      open.proxy.close();
    }
    onClose();
  };

  const refuse = (error: unknown) => {
    const known = error instanceof MeshbridgeError;
    (open?.log ?? env.log).warn({ err: error, peer: call.getPeer() }, known ? "xds stream refused" : "xds stream failed");
    const code = known ? grpcStatus.INVALID_ARGUMENT : grpcStatus.INTERNAL;
    call.emit("error", { code, details: known ? error.message : "internal error" });
    close();
  };

  const schedule = () => {
    if (scheduled || closed) return;
    scheduled = true;
    // One turn later: everything that one catalog change touches has then arrived, and the first change waits for nothing.
    setImmediate(() => {
      scheduled = false;
      if (!closed) guard(flush);
    });
  };

  const guard = (work: () => void) => {
    try {
      work();
    } catch (error) {
      refuse(error);
    }
  };

  const flush = () => {
    if (open === undefined || !open.handle.ready || stalled !== undefined) return;
    let room = true;
    for (const response of open.stream.flush()) {
      const bytes = encodeResponse(kind.variant, response);
      room = call.write(bytes);
      open.proxy.sent(response);
      env.metrics.response(shortType(response.typeUrl), bytes.byteLength);
    }
    if (!room) waitForRoom(open.log);
  };

  const waitForRoom = (log: Log) => {
    const waiting = new AbortController();
    stalled = waiting;
    call.once("drain", () => {
      waiting.abort();
      stalled = undefined;
      schedule();
    });
    env.clock.sleep(STALL_MS, waiting.signal).then(
      () => {
        log.warn({ stalledMs: STALL_MS }, "xds client does not read; its stream is closed");
        call.emit("error", { code: grpcStatus.RESOURCE_EXHAUSTED, details: "the client does not read what it is sent" });
        close();
      },
      // The only rejection of a sleep is its abort: there is room again, or the stream has ended.
      () => undefined,
    );
  };

  const begin = (node: Node | undefined): Open => {
    const client = clientOf(node, env.defaults);
    const handle = env.views.acquire(client);
    const stream = createXdsStream({ variant: kind.variant, tables: handle.tables, epoch: env.epoch });
    const nodeId = node?.id ?? "";
    const identity = {
      nodeId,
      nodeCluster: node?.cluster ?? "",
      agent: agentOf(node),
      client,
      view: handle.key,
      peer: call.getPeer(),
      variant: kind.variant,
    };
    const proxy = env.proxies.open(identity, () => stream.progress());
    const log = env.log.child({ node: nodeId });
    log.info({ role: client.role, variant: kind.variant, view: handle.key }, "xds stream opened");
    return { handle, stream, proxy, unsubscribe: handle.subscribe(schedule), log };
  };

  const take = (bytes: Buffer) => {
    if (closed) return;
    const { request, node } = decodeRequest(kind.variant, bytes);
    const typed = withType(request, kind);
    open ??= begin(node);
    const answer = open.stream.receive(typed);
    open.proxy.answered(answer);
    if (answer.kind === "nack") {
      env.metrics.nack(shortType(answer.typeUrl));
      open.log.warn({ typeUrl: answer.typeUrl, reason: answer.message }, "xds client refused an update");
    }
    schedule();
  };

  call.on("data", (bytes: Buffer) => guard(() => take(bytes)));
  call.on("end", () => {
    call.end();
    close();
  });
  call.on("error", (error) => {
    if (!closed) env.log.debug({ reason: reasonOf(error), peer: call.getPeer() }, "xds stream broke");
    close();
  });
  call.on("cancelled", close);
  return {
    end() {
      call.end();
      close();
    },
  };
}

/** A single-type stream implies its type; an aggregated one must name it. */
function withType(request: StreamRequest, { typeUrl }: StreamKind): StreamRequest {
  if (typeUrl === undefined) {
    if (request.typeUrl !== "") return request;
    throw fail("MB_XDS_REQUEST_INVALID", { reason: "type_url is empty on an aggregated stream" });
  }
  if (request.typeUrl !== "" && request.typeUrl !== typeUrl) {
    throw fail("MB_XDS_REQUEST_INVALID", { reason: `type_url ${request.typeUrl.slice(0, 200)} on a stream of ${typeUrl}` });
  }
  return { ...request, typeUrl };
}
