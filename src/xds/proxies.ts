/** The clients that are connected, and how far each has come. Written by the server, read by everybody else. */
import type { Clock } from "../kernel/clock.ts";
import type { Client } from "../routing/client.ts";
import type { ProxyStatus, ProxyTypeStatus, SyncStatus } from "./proxy-status.ts";
import type { Answer, StreamResponse } from "./stream/messages.ts";
import type { TypeProgress } from "./stream/stream.ts";
import { shortType, type TypeUrl } from "./types.ts";

/** What is known when a stream opens. Streams of one node over one connection (its `peer`) are one proxy. */
export type ProxyIdentity = Pick<ProxyStatus, "nodeId" | "nodeCluster" | "agent" | "client" | "view" | "peer" | "variant">;

/** What happened to a proxy, for the event log and the metrics. */
export type ProxyEvent =
  | { readonly type: "connected" | "disconnected"; readonly id: string; readonly client: Client }
  | { readonly type: "nack"; readonly id: string; readonly typeUrl: TypeUrl; readonly message: string };

/** One stream of a proxy, as its server reports on it. */
export interface ProxySession {
  sent(response: StreamResponse): void;
  answered(answer: Answer): void;
  close(): void;
}

export interface Proxies {
  open(identity: ProxyIdentity, progress: () => readonly TypeProgress[]): ProxySession;
  /** Sorted by id. */
  statuses(): readonly ProxyStatus[];
}

interface Times {
  sentAt: number | undefined;
  ackedAt: number | undefined;
  nackAt: number | undefined;
}

interface Session {
  readonly progress: () => readonly TypeProgress[];
  readonly times: Map<TypeUrl, Times>;
}

interface Proxy {
  readonly id: string;
  readonly identity: ProxyIdentity;
  readonly connectedAt: number;
  readonly sessions: Set<Session>;
}

export function createProxies(clock: Clock, onEvent: (event: ProxyEvent) => void): Proxies {
  const proxies = new Map<string, Proxy>();

  /** Names that are in use. */
  const taken = new Set<string>();
  /** Connections that give the same node.id. */
  const alike = new Map<string, number>();

  /** node.id, made unique when several connections give the same. */
  const takeId = (nodeId: string): string => {
    const count = (alike.get(nodeId) ?? 0) + 1;
    alike.set(nodeId, count);
    const numbered = (n: number) => (n === 1 ? nodeId : `${nodeId}#${n}`);
    // Free most often; where it is not, one of the first ones has gone.
    let n = count;
    if (taken.has(numbered(n))) for (n = 1; taken.has(numbered(n)); ) n++;
    taken.add(numbered(n));
    return numbered(n);
  };
  const giveBack = ({ id, identity: { nodeId } }: Proxy) => {
    taken.delete(id);
    const left = (alike.get(nodeId) ?? 1) - 1;
    if (left === 0) alike.delete(nodeId);
    else alike.set(nodeId, left);
  };

  const proxyOf = (identity: ProxyIdentity): Proxy => {
    const key = keyOf(identity);
    const known = proxies.get(key);
    if (known !== undefined) return known;
    const proxy: Proxy = { id: takeId(identity.nodeId), identity, connectedAt: clock.now(), sessions: new Set() };
    proxies.set(key, proxy);
    onEvent({ type: "connected", id: proxy.id, client: identity.client });
    return proxy;
  };

  return {
    open(identity, progress) {
      const proxy = proxyOf(identity);
      const session: Session = { progress, times: new Map() };
      proxy.sessions.add(session);
      const timesOf = (typeUrl: TypeUrl): Times => {
        const times = session.times.get(typeUrl) ?? { sentAt: undefined, ackedAt: undefined, nackAt: undefined };
        session.times.set(typeUrl, times);
        return times;
      };
      return {
        sent: ({ typeUrl }) => {
          timesOf(typeUrl).sentAt = clock.now();
        },
        answered: (answer) => {
          if (answer.kind === "ack") timesOf(answer.typeUrl).ackedAt = clock.now();
          if (answer.kind !== "nack") return;
          timesOf(answer.typeUrl).nackAt = clock.now();
          onEvent({ type: "nack", id: proxy.id, typeUrl: answer.typeUrl, message: answer.message });
        },
        close: () => {
          proxy.sessions.delete(session);
          if (proxy.sessions.size > 0) return;
          const key = keyOf(identity);
          if (proxies.get(key) !== proxy) return;
          proxies.delete(key);
          giveBack(proxy);
          onEvent({ type: "disconnected", id: proxy.id, client: identity.client });
        },
      };
    },
    statuses: () => [...proxies.values()].map(statusOf).sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/** Streams with the same key are one proxy's. */
function keyOf({ nodeId, peer, view, variant }: ProxyIdentity): string {
  return JSON.stringify([nodeId, peer, view, variant]);
}

function statusOf({ id, identity, connectedAt, sessions }: Proxy): ProxyStatus {
  const types = [...sessions].flatMap((session) =>
    session.progress().map((progress) => typeStatus(progress, session.times.get(progress.typeUrl))),
  );
  return { id, ...identity, connectedAt, types };
}

function typeStatus(progress: TypeProgress, times: Times | undefined): ProxyTypeStatus {
  const { typeUrl, wildcard, names, subscribed, sentSeq, ackedSeq, nacks, lastNack } = progress;
  return {
    typeUrl,
    type: shortType(typeUrl),
    status: syncStatus(progress, times),
    wildcard,
    names,
    subscribed,
    sentSeq,
    ackedSeq,
    sentAt: times?.sentAt,
    ackedAt: times?.ackedAt,
    nacks,
    lastNack: lastNack === undefined ? undefined : { message: lastNack, at: times?.nackAt ?? 0 },
  };
}

function syncStatus({ unanswered, cameWithState, lastNack }: TypeProgress, times: Times | undefined): SyncStatus {
  if (times?.sentAt === undefined) return cameWithState ? "SYNCED" : "NOT_SENT";
  if (unanswered) return "STALE";
  return lastNack === undefined ? "SYNCED" : "NACKED";
}
