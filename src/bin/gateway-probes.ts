/** Asks gateways whether they are there, each in a loop of its own, and keeps what follows from the answers. */
import { connect } from "node:tls";
import type { Clock } from "../kernel/clock.ts";
import {
  afterProbe,
  type GatewayHealth,
  type GatewayStanding,
  NEVER_PROBED,
  type ProbeRule,
  standingOf,
} from "../routing/gateway-health.ts";

/** Whether a gateway answers in time; rejects only when the signal aborts. */
export type ProbeGateway = (target: ProbeTarget, timeoutMs: number, signal: AbortSignal) => Promise<boolean>;

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  /** A server name that leads nowhere. */
  readonly serverName: string;
}

export interface GatewayProbes {
  /** From now on these are asked, and no others; what is known of those that stay is kept. */
  follow(targets: readonly (ProbeTarget & { readonly rule: ProbeRule })[]): void;
  standingOf(address: string, port: number): GatewayStanding;
}

export interface GatewayProbesOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly probe: ProbeGateway;
  readonly signal: AbortSignal;
  /** Some standing is another one. */
  onChange(): void;
}

interface Asked {
  readonly target: ProbeTarget;
  rule: ProbeRule;
  health: GatewayHealth;
  standing: GatewayStanding;
  readonly ending: AbortController;
}

const UP: GatewayStanding = { kind: "up" };

export function createGatewayProbes({ clock, random, probe, signal, onChange }: GatewayProbesOptions): GatewayProbes {
  const asked = new Map<string, Asked>();

  const ask = async (one: Asked) => {
    const ending = AbortSignal.any([signal, one.ending.signal]);
    // Not all of them at once, nor in step with other bridges.
    await clock.sleep(random() * one.rule.intervalMs, ending);
    for (;;) {
      const startedAt = clock.monotonic();
      const answered = await probe(one.target, one.rule.timeoutMs, ending);
      const now = clock.monotonic();
      one.health = afterProbe(one.health, answered, now, one.rule);
      const standing = standingOf(one.health, now, one.rule);
      const changed = stepOf(standing) !== stepOf(one.standing);
      one.standing = standing;
      if (changed) onChange();
      const jitter = 0.9 + random() * 0.2;
      await clock.sleep(Math.max(1, one.rule.intervalMs * jitter - (now - startedAt)), ending);
    }
  };

  return {
    follow(targets) {
      const wanted = new Set<string>();
      for (const { rule, ...target } of targets) {
        const key = keyOf(target.address, target.port);
        wanted.add(key);
        const known = asked.get(key);
        if (known !== undefined) {
          known.rule = rule;
          continue;
        }
        const one: Asked = { target, rule, health: NEVER_PROBED, standing: UP, ending: new AbortController() };
        asked.set(key, one);
        // The only rejection is an abort: it is no gateway any more, or the bridge stops.
        ask(one).catch(() => undefined);
      }
      for (const [key, { ending }] of asked)
        if (!wanted.has(key)) {
          asked.delete(key);
          ending.abort();
        }
    },
    standingOf: (address, port) => asked.get(keyOf(address, port))?.standing ?? UP,
  };
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`;
}

function stepOf(standing: GatewayStanding): string {
  return standing.kind === "ramp" ? `ramp ${standing.share}` : standing.kind;
}

/**
 * A TLS connection by a name that no gateway of any kind knows. Whatever comes back is an answer, a closed connection among
 * it; a refused or silent one is none. A process that hangs accepts connections still, since its kernel does.
 */
export const probeByTls: ProbeGateway = ({ address, port, serverName }, timeoutMs, signal) =>
  new Promise((resolve, reject) => {
    let connected = false;
    const socket = connect({ host: address, port, servername: serverName, rejectUnauthorized: false });
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      socket.destroy();
      settle();
    };
    const aborted = () => end(() => reject(signal.reason));
    const timer = setTimeout(() => end(() => resolve(false)), timeoutMs);
    signal.addEventListener("abort", aborted, { once: true });
    socket.once("connect", () => {
      connected = true;
    });
    socket.once("secureConnect", () => end(() => resolve(true)));
    // Before it was connected: refused, or no way there. After: it said no, which is an answer.
    socket.on("error", () => end(() => resolve(connected)));
    socket.once("close", () => end(() => resolve(connected)));
  });
