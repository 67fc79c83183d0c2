/**
 * One gRPC stream: turns its requests into the stream machine's, and writes what the machine says is due. Back-pressure
 * is honoured: while the client does not read, nothing more is made for it, and after a while it is let go.
 */
import { status as grpcStatus } from "@grpc/grpc-js";
import type { Node } from "../../gen/envoy/config/core/v3/base.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Deadlines } from "../../kernel/deadlines.ts";
import { MeshbridgeError, reasonOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { fail } from "../../model/errors.ts";
import type { PeerIdentity } from "../identity.ts";
import { agentOf, clientOf, type NodeDefaults } from "../node.ts";
import type { Proxies, ProxySession } from "../proxies.ts";
import type { Recorder, StreamRecorder } from "../recording/recorder.ts";
import { withoutSecrets } from "../secret-source.ts";
import type { StreamRequest, StreamResponse } from "../stream/messages.ts";
import { createXdsStream, type XdsStream } from "../stream/stream.ts";
import { shortType, TYPE_URL } from "../types.ts";
import type { ViewHandle, ViewProvider } from "../view-provider.ts";
import { type Access, NOBODY } from "./access.ts";
import { decodeRequest } from "./codec.ts";
import type { FrameFault } from "./frames.ts";
import { type Liveness, takenOf } from "./liveness.ts";
import { type Call, messageStream } from "./message-stream.ts";
import type { Pacer } from "./pacer.ts";
import { encodeResponse, messageBytes } from "./response.ts";
import { mayHaveSecrets } from "./secret-access.ts";
import type { StreamKind } from "./services.ts";
import { BEATS_IN_TTL, ttlFor } from "./ttl.ts";

/** A client that has not read what was sent for so many ms is closed; it reconnects and gets the newest state alone. */
export const STALL_MS = 30_000;
/**
 * Unless it has taken so many bytes meanwhile: on a slow line 17 MB of clusters take longer, and whoever is closed for that
 * begins anew for ever. More than pings are, and than the 64 KiB that HTTP/2 lets through to a stream that nobody reads.
 */
const TAKES_BYTES = 256 * 1024;

/** Counters of what the server does; names and labels are the metrics' matter. */
export interface XdsMetrics {
  stream(variant: string, change: 1 | -1): void;
  response(type: string, bytes: number): void;
  nack(type: string): void;
  /** Secrets were asked for over a connection that may not have any. */
  secretsDenied(): void;
  /** A connection that the gate closed, and why. */
  refused(reason: string): void;
}

export interface SessionEnv {
  readonly views: ViewProvider;
  readonly pacer: Pacer;
  /** Waits of STALL_MS: what is over is called. */
  readonly stalls: Deadlines<() => void>;
  readonly liveness: Liveness;
  readonly proxies: Proxies;
  readonly defaults: NodeDefaults;
  readonly epoch: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: XdsMetrics;
  /** Given: every stream is written down. */
  readonly recorder?: Recorder | undefined;
  /** Who may be what; absent: everybody is believed. */
  readonly access?: Access;
  /** Ms that clients which know of it keep a cluster without hearing from the bridge. Undefined: for ever. */
  readonly clusterTtlMs?: number | undefined;
  /** False: messages go through grpc-js's public interface alone. Default: true, where this grpc-js allows it. */
  readonly direct?: boolean;
}

export type { Call } from "./message-stream.ts";

export interface Session {
  /** Ends the stream regularly: the client connects again at once. */
  end(): void;
}

interface Open {
  readonly handle: ViewHandle;
  readonly stream: XdsStream;
  readonly proxy: ProxySession;
  readonly unsubscribe: () => void;
  readonly record: StreamRecorder | undefined;
  readonly log: Log;
  /** Ends with the stream; where there are heartbeats. */
  readonly over: AbortController | undefined;
}

/** Serves the call until it ends; `onClose` is called exactly once. */
export function startSession(call: Call, kind: StreamKind, env: SessionEnv, onClose: () => void): Session {
  let open: Open | undefined;
  let closed = false;
  /** The client does not keep up: nothing is made for it until it does. */
  let stalled = false;
  /** Bytes it had taken when it was last seen not to keep up. */
  let takenBefore = 0;
  let proven: PeerIdentity = NOBODY;
  let trusted = false;
  let denied = false;
  env.metrics.stream(kind.variant, 1);

  const close = () => {
    if (closed) return;
    closed = true;
    env.stalls.stop(letGo);
    env.metrics.stream(kind.variant, -1);
    if (open !== undefined) {
      open.over?.abort();
      open.unsubscribe();
      open.handle.release();
      open.proxy.close();
      open.record?.close();
    }
    onClose();
  };

  const refuse = (error: unknown) => {
    const known = error instanceof MeshbridgeError;
    (open?.log ?? env.log).warn({ err: error, peer: call.getPeer() }, known ? "xds stream refused" : "xds stream failed");
    const code = known ? (STATUS[error.code] ?? grpcStatus.INVALID_ARGUMENT) : grpcStatus.INTERNAL;
    call.emit("error", { code, details: known ? error.message : "internal error" });
    close();
  };

  const guard = (work: () => void) => {
    try {
      work();
    } catch (error) {
      refuse(error);
    }
  };

  const flush = () => {
    if (closed || open === undefined || !open.handle.ready || stalled) return;
    send(open, open.stream.flush());
  };

  const send = (to: Open, responses: readonly StreamResponse[]) => {
    let room = true;
    for (const response of responses) {
      const frame = encodeResponse(kind.variant, response);
      room = messages.write(frame);
      to.proxy.sent(response);
      to.record?.response(response);
      env.metrics.response(shortType(response.typeUrl), messageBytes(frame));
    }
    if (!room) waitForRoom();
  };

  /** Until the stream ends. */
  const beat = async (to: Open, ttlMs: number, signal: AbortSignal) => {
    while (!closed) {
      await env.clock.sleep(ttlMs / BEATS_IN_TTL, signal);
      if (!closed && !stalled) guard(() => send(to, to.stream.heartbeat()));
    }
  };

  const flushGuarded = () => guard(flush);

  const waitForRoom = () => {
    stalled = true;
    takenBefore = takenNow();
    env.stalls.start(letGo);
    messages.onceDrained(() => {
      stalled = false;
      env.stalls.stop(letGo);
      if (open?.stream.due) env.pacer.request(flushGuarded);
    });
  };

  /** In the public way, where the connection is not known, nothing is seen to be taken. */
  const takenNow = () => (messages.connection === undefined ? 0 : takenOf(messages.connection));

  const letGo = () => {
    const taken = takenNow();
    if (taken - takenBefore >= TAKES_BYTES) {
      takenBefore = taken;
      env.stalls.start(letGo);
      return;
    }
    open?.log.warn({ stalledMs: STALL_MS }, "xds client does not read; its stream is closed");
    call.emit("error", { code: grpcStatus.RESOURCE_EXHAUSTED, details: "the client does not read what it is sent" });
    close();
  };

  const begin = (node: Node | undefined): Open => {
    const said = clientOf(node, env.defaults);
    // State of the world knows no on-demand discovery: such a client has everything.
    const client = kind.variant === "delta" ? said : { ...said, onDemand: false };
    const peer = call.getPeer();
    const refusal = env.access?.refusal(proven, { nodeId: node?.id ?? "", client });
    if (refusal !== undefined) throw fail("MB_XDS_NODE_FORBIDDEN", { reason: refusal });
    trusted = mayHaveSecrets({ peer, certified: isCertified(call) || proven.kind === "serviceAccount" });
    const handle = env.views.acquire(client);
    const tables = trusted ? handle.tables : withoutSecrets(handle.tables);
    const ttl = ttlFor(node, kind.variant, env.clusterTtlMs);
    const resourceErrors = client.role === "grpc";
    const stream = createXdsStream({ variant: kind.variant, tables, epoch: env.epoch, ttl, resourceErrors });
    const nodeId = node?.id ?? "";
    const identity = {
      nodeId,
      nodeCluster: node?.cluster ?? "",
      agent: agentOf(node),
      client,
      view: handle.key,
      peer,
      variant: kind.variant,
    };
    const proxy = env.proxies.open(identity, () => stream.progress());
    const log = env.log.child({ node: nodeId });
    log.info({ role: client.role, variant: kind.variant, view: handle.key }, "xds stream opened");
    const record = env.recorder?.open({ node: nodeId, view: handle.key, variant: kind.variant });
    const unsubscribe = handle.subscribe(() => env.pacer.change(flushGuarded));
    const over = ttl === undefined ? undefined : new AbortController();
    const begun: Open = { handle, stream, proxy, unsubscribe, record, log, over };
    // The only rejection of a sleep is its abort: the stream has ended.
    if (ttl !== undefined && over !== undefined) beat(begun, ttl.ms, over.signal).catch(() => undefined);
    return begun;
  };

  /** Said once a stream: the listeners that need them wait, and the client asks again and again. */
  const deny = (log: Log) => {
    denied = true;
    env.metrics.secretsDenied();
    log.warn({ peer: call.getPeer() }, "secrets refused: the connection is neither local nor one with a client certificate");
  };

  const take = (bytes: Buffer) => {
    if (closed) return;
    const { request, node } = decodeRequest(kind.variant, bytes);
    const typed = withType(request, kind);
    open ??= begin(node);
    open.record?.request(typed);
    if (typed.typeUrl === TYPE_URL.secret && !trusted && !denied) deny(open.log);
    const answer = open.stream.receive(typed);
    open.proxy.answered(answer);
    if (answer.kind === "nack") {
      env.metrics.nack(shortType(answer.typeUrl));
      open.log.warn({ typeUrl: answer.typeUrl, reason: answer.message }, "xds client refused an update");
    }
    // An answer alone asks for nothing; what it makes due, if anything, is changes that came meanwhile.
    if (answer.kind === "none") env.pacer.request(flushGuarded);
    else if (open.stream.due) env.pacer.change(flushGuarded);
  };

  const end = () => {
    call.end();
    close();
  };
  const onMessage = (bytes: Buffer) => {
    guard(() => take(bytes));
    return !closed;
  };
  const onFault = (fault: FrameFault) => refuse(fail("MB_XDS_REQUEST_INVALID", { reason: `a message is ${fault}` }));
  const messages = messageStream(call, { onMessage, onEnd: end, onFault }, env.direct ?? true);
  if (messages.connection !== undefined) env.liveness.watch(messages.connection);
  // Nothing is read before it is known who asks: a token may have to be looked into first.
  const known = (peer: PeerIdentity) => {
    proven = peer;
    messages.start();
  };
  if (env.access === undefined) messages.start();
  else env.access.identify(call).then(known, refuse);
  call.on("error", (error) => {
    if (!closed) env.log.debug({ reason: reasonOf(error), peer: call.getPeer() }, "xds stream broke");
    close();
  });
  call.on("cancelled", close);
  return { end };
}

const STATUS: Readonly<Record<string, grpcStatus>> = {
  MB_XDS_NODE_FORBIDDEN: grpcStatus.PERMISSION_DENIED,
  MB_XDS_TOKEN_UNCHECKED: grpcStatus.UNAVAILABLE,
};

/** TLS with a certificate that the server has checked; without `clientCaFile` none is asked for. */
function isCertified(call: Call): boolean {
  return call.getAuthContext().sslPeerCertificate !== undefined;
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
