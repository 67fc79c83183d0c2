/**
 * Election by an ephemeral node: whoever could make it acts, until its session ends. The epoch is the zxid that made it, which
 * only grows. A lost connection is the end of acting at once: whether the session lives on cannot be known then.
 */
import { createBell } from "../../src/kernel/bell.ts";
import { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { Election, ElectionEvent } from "../../src/sidecar/cluster/election.ts";
import type { WriterContext } from "../../src/sidecar/writer.ts";
import { CODE } from "./codes.ts";
import type { Connection } from "./connection.ts";
import type { Server } from "./servers.ts";
import { sessions } from "./session.ts";
import { createNodes } from "./writer-nodes.ts";

export interface ZooKeeperElectionOptions extends Pick<WriterContext, "clock" | "random" | "name"> {
  readonly connect: Parameters<typeof sessions>[0]["connect"];
  readonly servers: readonly Server[];
  readonly path: string;
  readonly identity: string;
}

const RETRY_MAX_MS = 2000;
const IDLE_MS = 30_000;

export function createElection({ path, identity, ...options }: ZooKeeperElectionOptions): Election {
  return {
    async *events(signal) {
      const bell = createBell(options.clock);
      const stop = new AbortController();
      const all = AbortSignal.any([signal, stop.signal]);
      const pending: ElectionEvent[] = [];
      let failure: { readonly cause: unknown } | undefined;
      const tell = (event: ElectionEvent) => {
        pending.push(event);
        bell.ring();
      };
      const changed = createBell(options.clock);
      const follow = async () => {
        const watching = {
          ...options,
          retryMaxMs: RETRY_MAX_MS,
          yieldsSession: true,
          signal: all,
          onWatch: () => changed.ring(),
        };
        for await (const event of sessions(watching)) {
          if (event.type === "lost") tell({ type: "following", error: event.error });
          else {
            event.proven();
            // Ends with the connection, of which the sessions tell next.
            void stand(event.connection).catch((cause: unknown) => {
              if (all.aborted || cause instanceof MeshbridgeError) return;
              failure = { cause };
              bell.ring();
            });
          }
        }
      };
      const stand = async (connection: Connection) => {
        const mine = BigInt(`0x${connection.session.id}`);
        let leading = false;
        let over = false;
        void connection.ended.then(() => {
          over = true;
          changed.ring();
        });
        while (!all.aborted && !over) {
          await createNodes(connection)
            .create(path, identity)
            .catch((error: unknown) => {
              if (!(error instanceof MeshbridgeError) || error.details["statusCode"] !== CODE.nodeExists) throw error;
            });
          const stat = await connection.exists(path, true);
          const holds = stat !== undefined && BigInt.asUintN(64, stat.ephemeralOwner) === mine;
          if (holds !== leading) {
            leading = holds;
            tell(holds ? { type: "leading", epoch: Number(stat.czxid) } : { type: "following" });
          }
          if (stat !== undefined) await changed.wait(IDLE_MS, all);
        }
      };
      const following = follow().catch((cause: unknown) => {
        failure = { cause };
        bell.ring();
      });
      try {
        while (!signal.aborted) {
          for (let event = pending.shift(); event !== undefined; event = pending.shift()) yield event;
          if (failure !== undefined) throw failure.cause;
          await bell.wait(IDLE_MS, signal);
        }
      } catch (cause) {
        if (!signal.aborted) throw cause;
      } finally {
        // Ends the session, and with it the node.
        stop.abort(new Error("nobody stands for election any more"));
        await following;
      }
    },
  };
}
