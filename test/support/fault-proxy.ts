/** A TCP proxy whose faults are switched while it runs: what stands between the bridge and a registry in fault tests. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./ports.ts";

/** From the bridge to the registry (`up`), or back (`down`). */
export type Direction = "up" | "down";

export type ProxyMode =
  | { readonly kind: "pass" }
  /** Connections are accepted and stay open, and no byte passes: all bytes are held back until the mode changes. */
  | { readonly kind: "black-hole"; readonly direction?: Direction }
  /** Nobody listens, and every connection is reset. */
  | { readonly kind: "refuse" }
  /** Every connection is reset once this many bytes of the mode's time went down on it. */
  | { readonly kind: "reset"; readonly afterBytes: number }
  /** Both directions at this rate, each connection for itself. */
  | { readonly kind: "slow"; readonly bytesPerSecond: number }
  /** The registry's half of each connection ends (FIN); what the bridge sends still arrives. */
  | { readonly kind: "half-close" };

export interface ProxyCounts {
  /** Connections accepted so far. */
  readonly accepted: number;
  readonly open: number;
  /** The most at one time. */
  readonly peak: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export interface FaultProxy {
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly mode: ProxyMode;
  /** For the connections there are, and all that come. What was held back passes when it is `pass` again. */
  set(mode: ProxyMode): Promise<void>;
  readonly counts: ProxyCounts;
  /** Resets every connection there is; new ones find the mode unchanged. */
  resetAll(): void;
  /** Another server behind the same address, for the connections to come. */
  redirect(port: number): void;
}

const TICK_MS = 50;

/** Is shown what goes up, as it goes; `connection` counts from 1. */
export type Tap = (connection: number, chunk: Buffer) => void;

/** Listens on a port of its own before `target` (a port on 127.0.0.1), passing everything at first. */
export async function startFaultProxy(target: number, scope: AsyncDisposableStack, tap?: Tap): Promise<FaultProxy> {
  const port = await freePort();
  const pairs = new Set<Pair>();
  const counts = { accepted: 0, peak: 0, bytesUp: 0, bytesDown: 0 };
  let mode: ProxyMode = { kind: "pass" };
  let behind = target;
  let server: Server | undefined;
  const accept = (near: Socket) => {
    const far = connect({ host: "127.0.0.1", port: behind, allowHalfOpen: true });
    const connection = ++counts.accepted;
    const onUp = (chunk: Buffer) => {
      counts.bytesUp += chunk.length;
      tap?.(connection, chunk);
    };
    const onDown = (chunk: Buffer) => {
      counts.bytesDown += chunk.length;
    };
    const pair = joinSockets(near, far, () => mode, { up: onUp, down: onDown });
    pairs.add(pair);
    counts.peak = Math.max(counts.peak, pairs.size);
    near.once("close", () => pairs.delete(pair));
  };
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server = createServer({ allowHalfOpen: true }, accept).once("error", reject).listen(port, "127.0.0.1", resolve);
    });
  const resetAll = () => {
    for (const pair of pairs) pair.reset();
  };
  const deaf = () => {
    server?.close();
    server = undefined;
  };
  await listen();
  const timer = setInterval(() => {
    for (const pair of pairs) pair.move(TICK_MS);
  }, TICK_MS);
  scope.defer(() => {
    clearInterval(timer);
    deaf();
    resetAll();
  });
  return {
    port,
    address: `127.0.0.1:${port}`,
    get mode() {
      return mode;
    },
    get counts() {
      return { ...counts, open: pairs.size };
    },
    async set(next) {
      mode = next;
      if (next.kind === "refuse") {
        deaf();
        resetAll();
      } else if (server === undefined) await listen();
      for (const pair of pairs) pair.changed();
    },
    resetAll,
    redirect(to) {
      behind = to;
    },
  };
}

interface Pair {
  /** Passes on what the mode lets pass in so much time. */
  move(elapsedMs: number): void;
  changed(): void;
  reset(): void;
}

interface Flow {
  readonly direction: Direction;
  readonly from: Socket;
  readonly to: Socket;
  /** Read and not passed on yet. */
  held: Buffer;
  ended: boolean;
  /** Passed on since the mode changed. */
  passed: number;
}

/** At most this much is held back for one direction; then the sender feels it. */
const HELD_BYTES = 256 * 1024;

/**
 * A socket that is being shut down cannot be reset (libuv says EINVAL), and Node then never closes its handle: the process
 * spins at its end for ever. Such a socket is closed.
 */
function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

type Passed = Readonly<Record<Direction, (chunk: Buffer) => void>>;

function joinSockets(near: Socket, far: Socket, modeNow: () => ProxyMode, passed: Passed): Pair {
  const up: Flow = { direction: "up", from: near, to: far, held: Buffer.alloc(0), ended: false, passed: 0 };
  const down: Flow = { direction: "down", from: far, to: near, held: Buffer.alloc(0), ended: false, passed: 0 };
  const reset = () => {
    resetSocket(near);
    resetSocket(far);
  };
  const pass = (flow: Flow, most: number) => {
    const chunk = flow.held.subarray(0, most);
    flow.held = flow.held.subarray(chunk.length);
    flow.passed += chunk.length;
    if (chunk.length > 0) passed[flow.direction](chunk);
    if (chunk.length > 0 && flow.to.writable) flow.to.write(chunk);
    if (flow.held.length < HELD_BYTES) flow.from.resume();
    if (flow.ended && flow.held.length === 0) flow.to.end();
  };
  const step = (flow: Flow, elapsedMs: number) => {
    const allowed = allowance(modeNow(), flow, elapsedMs);
    if (allowed > 0 || flow.ended) pass(flow, allowed);
    const mode = modeNow();
    if (mode.kind === "reset" && flow.direction === "down" && flow.passed >= mode.afterBytes) reset();
  };
  for (const flow of [up, down]) {
    flow.from.on("data", (chunk: Buffer) => {
      flow.held = Buffer.concat([flow.held, chunk]);
      if (flow.held.length >= HELD_BYTES) flow.from.pause();
      step(flow, 0);
    });
    flow.from.on("end", () => {
      flow.ended = true;
      step(flow, 0);
    });
    // An error of one side is told to the other as what it is on the wire: a reset.
    flow.from.on("error", reset);
    flow.from.on("close", () => flow.to.destroySoon());
    flow.from.setNoDelay(true);
  }
  return {
    move(elapsedMs) {
      step(up, elapsedMs);
      step(down, elapsedMs);
    },
    changed() {
      up.passed = 0;
      down.passed = 0;
      if (modeNow().kind === "half-close") near.end();
      step(up, 0);
      step(down, 0);
    },
    reset,
  };
}

/** How many bytes may pass now. */
function allowance(mode: ProxyMode, { direction, passed }: Flow, elapsedMs: number): number {
  switch (mode.kind) {
    case "pass":
      return Number.POSITIVE_INFINITY;
    case "refuse":
      return 0;
    case "half-close":
      return direction === "up" ? Number.POSITIVE_INFINITY : 0;
    case "black-hole":
      return mode.direction === undefined || mode.direction === direction ? 0 : Number.POSITIVE_INFINITY;
    case "reset":
      return direction === "up" ? Number.POSITIVE_INFINITY : Math.max(0, mode.afterBytes - passed);
    case "slow":
      return Math.floor((mode.bytesPerSecond * elapsedMs) / 1000);
  }
}
