/** The benchmark's side of the load generator (go/loadgen). Times are CLOCK_MONOTONIC, as `process.hrtime`. */
import { ownProgram } from "./build.ts";
import type { Held } from "./fleet.ts";
import { type Answer, startLineProgram } from "./lines.ts";

const WITHIN_MS = 120_000;

export interface Settled extends Answer {
  readonly type: "settled";
  /** From the first connect until the last ACK. */
  readonly ms: number;
  /** Of each client: from its connect until it has acknowledged everything. */
  readonly firstMs: readonly number[];
  readonly bytes: number;
  readonly messages: number;
  /** Streams the server refused, each tried again later. */
  readonly retries: number;
  readonly busy: number;
}

export interface Round extends Answer {
  readonly type: "round";
  readonly ackedNs: readonly number[];
  readonly bytes: number;
  readonly messages: number;
  readonly strays: number;
  readonly busy: number;
}

export interface Report extends Answer {
  readonly type: "report";
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly bytes: number;
  readonly messages: number;
  readonly busy: number;
}

export interface Generator {
  readonly pid: number;
  /** Connects a client for each node, with its endpoints too (`follow`); resolves when all have everything and it is quiet. */
  open(port: number, nodes: readonly string[], follow: boolean): Promise<Settled>;
  /** The same clients again, with what they hold. */
  reopen(port: number): Promise<Settled>;
  close(): Promise<void>;
  /** Call before the change; the promise inside resolves when all have acknowledged it. */
  expect(kind: "eds" | "cds", service: number, value: number): Promise<{ readonly round: Promise<Round> }>;
  /** From now on every endpoint's weight says when it was set, in 0.1 ms since `sinceNs`. */
  watch(sinceNs: bigint): Promise<void>;
  report(): Promise<Report>;
  /** One client stops reading for good; `dropped` resolves with the ms until the server has closed its connection. */
  stall(): Promise<{ readonly dropped: Promise<number> }>;
  held(): Promise<Held>;
}

export async function startGenerator(scope: AsyncDisposableStack): Promise<Generator> {
  const program = startLineProgram(scope, { command: await ownProgram("loadgen") });
  await program.reply("ready", WITHIN_MS);
  const call = <T extends Answer>(type: T["type"], message: object): Promise<T> => {
    const reply = program.reply<T>(type, WITHIN_MS);
    program.send(message);
    return reply;
  };
  const open = (message: object) => call<Settled>("settled", { cmd: "open", ...message });
  return {
    pid: program.pid,
    open: (port, nodes, follow) => open({ address: `127.0.0.1:${port}`, nodes, follow }),
    reopen: (port) => open({ address: `127.0.0.1:${port}`, follow: true, resume: true }),
    close: async () => void (await call("closed", { cmd: "close" })),
    async expect(kind, service, value) {
      const round = program.reply<Round>("round", WITHIN_MS);
      await call("expecting", { cmd: "expect", kind, service, value });
      return { round };
    },
    watch: async (sinceNs) => void (await call("watching", { cmd: "watch", sinceNs: Number(sinceNs) })),
    report: () => call<Report>("report", { cmd: "report" }),
    async stall() {
      const dropped = program.reply<Answer & { readonly ms: number }>("dropped", WITHIN_MS);
      await call("stalling", { cmd: "stall" });
      return { dropped: dropped.then(({ ms }) => ms) };
    },
    held: () => call<Answer & Held>("state", { cmd: "state" }),
  };
}
