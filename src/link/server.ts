/**
 * The serving side of links: a gRPC service of its own on the xDS port. Who asks is known by the names in its client
 * certificate alone; who is no configured peer gets nothing, and a peer gets nothing but its exports.
 */
import { isDeepStrictEqual } from "node:util";
import {
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { CatalogStore } from "../catalog/store.ts";
import type { WatchRequest, WitnessRequest, WitnessResponse } from "../gen/meshbridge/link/v1/link.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { excerpt } from "../kernel/text.ts";
import type { RegistryStanding } from "./exported.ts";
import { identitiesOf, peerOf } from "./identity.ts";
import type { LinkPeer, LinkPolicy } from "./policy.ts";
import { LINK_METHODS, LINK_SERVICE } from "./service.ts";
import { worseOf } from "./standing.ts";
import { type ExportCall, type ExportStream, runExport } from "./stream.ts";
import { LINK_VERSION } from "./wire.ts";

/** More streams than this of one peer are refused: one is enough, two are a change of credentials. */
const STREAMS_PER_PEER = 8;
/** A peer says who it is within this time. */
const HELLO_MS = 10_000;

export interface LinkServerEnv {
  readonly cluster: string;
  readonly catalog: Pick<CatalogStore, "subscribe">;
  readonly clock: Clock;
  readonly log: Log;
  policy(): LinkPolicy;
  registries(): ReadonlyMap<string, RegistryStanding>;
  /** Whether this bridge sees that cluster at the moment. */
  sees(cluster: string): boolean;
  /** Resolves in the next turn of the event loop, when what the catalog has taken has reached its readers. */
  nextTurn(): Promise<unknown>;
}

/** A stream of a peer that reads our exports. */
export interface LinkReader {
  readonly peer: string;
  readonly address: string;
  /** Wall-clock ms. */
  readonly since: number;
  readonly groups: number;
  readonly markedAt: number | undefined;
}

export interface LinkServer {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  /** Keeps peers to this service: a link's certificate does not open xDS. Undefined: the call may go on. */
  refusal(path: string, call: Authenticated): { readonly code: status; readonly details: string } | undefined;
  /** Links or exports were configured anew. */
  reconfigured(): void;
  /** Some registry may stand otherwise than before. */
  restated(): void;
  readers(): readonly LinkReader[];
  /** Ends every stream. */
  close(): void;
}

interface Session {
  readonly peer: string;
  readonly address: string;
  readonly since: number;
  readonly stop: AbortController;
  readonly call: ExportCall;
  stream: ExportStream | undefined;
}

export function createLinkServer(env: LinkServerEnv): LinkServer {
  const { clock, log } = env;
  const sessions = new Set<Session>();
  let settled = env.registries();
  let settling = false;
  const identify = (call: Authenticated): LinkPeer | undefined =>
    peerOf(identitiesOf(call.getAuthContext().sslPeerCertificate?.subjectaltname), env.policy().peers);

  const end = (session: Session, code: status, details: string) => {
    session.stop.abort(new Error(details));
    session.call.emit("error", { code, details });
  };

  const watch = (call: ExportCall) => {
    const peer = identify(call as ExportCall & Authenticated);
    const address = call.getPeer();
    const refuse = (code: status, details: string) => {
      log.warn({ peer: peer?.name, address, details }, "link refused");
      call.emit("error", { code, details });
    };
    if (peer === undefined)
      return refuse(status.PERMISSION_DENIED, "no name of the client certificate is that of a configured peer");
    if ([...sessions].filter((one) => one.peer === peer.name).length >= STREAMS_PER_PEER)
      return refuse(status.RESOURCE_EXHAUSTED, `${peer.name} has ${STREAMS_PER_PEER} streams open already`);
    const stop = new AbortController();
    const session: Session = { peer: peer.name, address, since: clock.now(), stop, call, stream: undefined };
    sessions.add(session);
    const close = () => {
      sessions.delete(session);
      stop.abort(new Error("the peer has closed the stream"));
    };
    for (const event of ["end", "error", "cancelled", "close"]) call.on(event, close);
    const hello = ({ version, cluster }: WatchRequest) => {
      if (session.stream !== undefined) return;
      if (version !== LINK_VERSION) return end(session, status.FAILED_PRECONDITION, `this bridge speaks version ${LINK_VERSION}`);
      if (cluster !== peer.name)
        return end(session, status.PERMISSION_DENIED, `the certificate is that of ${peer.name}, not of ${excerpt(cluster)}`);
      const context = () => ({
        cluster: env.cluster,
        peer: peer.name,
        policy: env.policy(),
        registries: worseOf(settled, env.registries()),
      });
      session.stream = runExport(call, { catalog: env.catalog, clock, signal: stop.signal, context });
      log.info({ peer: peer.name, address }, "link opened by a peer");
    };
    call.on("data", hello);
    clock.sleep(HELLO_MS, stop.signal).then(
      () => session.stream === undefined && end(session, status.DEADLINE_EXCEEDED, "the peer did not say who it is"),
      // The only rejection of the sleep is the end of the stream.
      () => undefined,
    );
  };

  const witness = (call: ServerUnaryCall<WitnessRequest, WitnessResponse>, answer: sendUnaryData<WitnessResponse>) => {
    if (identify(call as typeof call & Authenticated) === undefined)
      answer({ code: status.PERMISSION_DENIED, details: "no name of the client certificate is that of a configured peer" });
    else answer(null, { sees: env.sees(call.request.cluster) });
  };

  return {
    definition: LINK_METHODS,
    implementation: { Watch: watch, Witness: witness },
    refusal(path, call) {
      const peer = path.startsWith(`${LINK_SERVICE}/`) ? undefined : identify(call);
      if (peer === undefined) return undefined;
      return { code: status.PERMISSION_DENIED, details: `${peer.name} is a peer: it may read its exports only` };
    },
    reconfigured() {
      const { peers } = env.policy();
      for (const session of [...sessions]) {
        const still = peers.find(({ name }) => name === session.peer);
        const same = still !== undefined && identify(session.call as ExportCall & Authenticated)?.name === session.peer;
        if (same) session.stream?.reconfigured();
        else end(session, status.PERMISSION_DENIED, `${session.peer} is no peer of this bridge any more`);
      }
    },
    restated() {
      if (settling) return;
      settling = true;
      void env.nextTurn().then(() => {
        settling = false;
        const before = settled;
        settled = env.registries();
        if (isDeepStrictEqual(before, settled)) return;
        for (const { stream } of sessions) stream?.restated();
      });
    },
    readers: () =>
      [...sessions].map(({ peer, address, since, stream }) => ({
        peer,
        address,
        since,
        groups: stream?.groups ?? 0,
        markedAt: stream?.markedAt,
      })),
    close() {
      for (const session of [...sessions]) end(session, status.UNAVAILABLE, "this bridge stops");
    },
  };
}

interface Authenticated {
  getAuthContext(): { readonly sslPeerCertificate?: { readonly subjectaltname?: string } };
}
