/**
 * Follows a registry over one connection after the other: a full read first, then what the watches tell, at a pace that
 * spares the server, and a probe now and then that says whether it is still there.
 */

import { createBell } from "../../src/kernel/bell.ts";
import { MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import { createResolver } from "../../src/kernel/resolver.ts";
import { fail } from "../../src/model/errors.ts";
import { AUTHORITATIVE, type Evidence } from "../../src/model/evidence.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import type { Connection, WatchEvent } from "./connection.ts";
import { createDoubt } from "./doubt.ts";
import { createMirror } from "./mirror.ts";
import { createPace, type Pace } from "./pace.ts";
import { createRoot } from "./root.ts";
import type { SessionEvent } from "./session.ts";
import { createUnits, withDoubt } from "./units.ts";
import { abortable } from "./waiting.ts";
import type { WatchOptions } from "./watch.ts";

type Connected = Extract<SessionEvent, { type: "connected" }>;

export interface Follower {
  /** Takes the watch events of the connection that is followed. */
  note(event: WatchEvent): void;
  /** Until the connection is over: it has ended, or was given up. Rejects with the signal's reason alone. */
  follow(connected: Connected): AsyncGenerator<RegistryEvent>;
  /** Why the last connection was given up; undefined when it ended by itself, or was asked before. */
  takeFailure(): MeshbridgeError | undefined;
}

/** Knows nothing before the first connection, and keeps what it knows from one to the next. */
export function createFollower(options: Omit<WatchOptions, "connect" | "servers">, signal: AbortSignal): Follower {
  const { clock } = options.context;
  const now = () => clock.monotonic();
  const bell = createBell(clock);
  const mirror = createMirror(options.roots.map(({ path, format }) => createRoot(path, format)));
  const resolver = createResolver({ lookup: options.lookup, clock, signal, onChange: bell.ring });
  const units = createUnits({ ...options, roots: mirror.roots, resolver });
  const doubt = createDoubt(options.providerSessionTimeoutMs, options.context.knownBefore ?? true);
  let failure: MeshbridgeError | undefined;
  /** The evidence of the last `synced`. */
  let said: Evidence | undefined;

  /** False when the connection is of no use any more: it has ended, or ends by this. */
  const attempt = async ({ connection, address }: Connected, work: Promise<{ readonly wentBack: boolean }>) => {
    try {
      const { wentBack } = await abortable(work, signal);
      if (wentBack) doubt.wentBack(now());
      return true;
    } catch (error) {
      signal.throwIfAborted();
      failure = asFailure(error, options.context.name, address);
      connection.abandon();
      return false;
    }
  };

  /** What follows news, or a sign of life: nothing is left to be told. */
  function* conclude(news: boolean): Generator<RegistryEvent> {
    // Before the first one, what waits for a host name would count as missing.
    if (units.waiting && said === undefined) return;
    const { trimmed } = mirror;
    const evidence = withDoubt(doubt.evidence(now()), { trimmed, doubtful: units.book.doubtful });
    if (!news && evidence.kind === said?.kind) return;
    if (evidence.kind === "authoritative") yield* units.book.prove();
    said = evidence;
    yield { type: "synced", evidence };
  }

  /** Reads what was noted, tells what has changed; undefined when the connection is over. */
  const look = async (connected: Connected, pace: Pace) => {
    const events: RegistryEvent[] = [];
    if (mirror.dirty && pace.mayRead) {
      const done = pace.beginReading();
      if (!(await attempt(connected, mirror.update(connected.connection)))) return undefined;
      done();
      // What a watch saw go is gone: the server said so of that very node.
      events.push(...units.touched(AUTHORITATIVE));
    }
    events.push(...units.timely(AUTHORITATIVE));
    const probing = pace.mayProbe;
    if (probing) {
      if (!(await attempt(connected, probe(connected.connection)))) return undefined;
      pace.probed();
      mirror.recheck();
    }
    return { events, news: probing || events.length > 0 };
  };

  return {
    note(event) {
      if (mirror.note(event)) bell.ring();
    },
    async *follow(connected) {
      const { connection, newSession, proven } = connected;
      doubt.connected(newSession, now());
      let ended = false;
      const over = () => {
        ended = true;
        bell.ring();
      };
      connection.ended.then(over, over);
      if (!(await attempt(connected, mirror.resync(connection)))) return;
      proven();
      yield* units.all(withDoubt(doubt.evidence(now()), { trimmed: mirror.trimmed, doubtful: false }));
      yield* conclude(true);
      const pace = createPace(clock, connection.session.timeoutMs / 3);
      for (;;) {
        const doubtMs = doubt.endsInMs(now()) ?? Number.POSITIVE_INFINITY;
        await bell.wait(Math.min(pace.dueInMs(mirror.dirty), units.dueInMs(), doubtMs), signal);
        const seen = ended ? undefined : await look(connected, pace);
        if (seen === undefined) return;
        yield* seen.events;
        yield* conclude(seen.news);
      }
    },
    takeFailure() {
      const taken = failure;
      failure = undefined;
      return taken;
    },
  };
}

/** The answer counts, not what it says. */
async function probe(connection: Connection): Promise<{ readonly wentBack: boolean }> {
  await connection.exists("/");
  return { wentBack: false };
}

function asFailure(error: unknown, registry: string, address: string): MeshbridgeError {
  if (error instanceof MeshbridgeError) return error;
  return fail("MB_REGISTRY_UNREACHABLE", { registry, address, reason: reasonOf(error) }, { cause: error });
}
