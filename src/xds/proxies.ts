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

  /** node.id, made unique when several connections give the same. */
  const freeId = (nodeId: string): string => {
    const taken = new Set([...proxies.values()].map(({ id }) => id));
    for (let n = 1; ; n++) {
      const id = n === 1 ? nodeId : `${nodeId}#${n}`;
      if (!taken.has(id)) return id;
    }
  };

  const proxyOf = (identity: ProxyIdentity): Proxy => {
    const key = JSON.stringify([identity.nodeId, identity.peer, identity.view, identity.variant]);
    const known = proxies.get(key);
    if (known !== undefined) return known;
    const proxy: Proxy = { id: freeId(identity.nodeId), identity, connectedAt: clock.now(), sessions: new Set() };
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
          for (const [key, one] of proxies) if (one === proxy) proxies.delete(key);
          onEvent({ type: "disconnected", id: proxy.id, client: identity.client });
        },
      };
    },
    statuses: () => [...proxies.values()].map(statusOf).sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
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
