/** What the benchmark and its load generator say to each other over the IPC channel. Times are CLOCK_MONOTONIC ns as text. */
import type { BootstrapNode } from "./ads-stream.ts";

export type ToGenerator =
  /** Open `streams` streams; answered by `settled` once each has endpoints acknowledged and all has been quiet. */
  | {
      readonly type: "open";
      readonly host: string;
      readonly port: number;
      readonly streams: number;
      readonly node: BootstrapNode;
      readonly quietMs: number;
    }
  /** From now on count responses that carry an endpoint of this weight; answered by `round` when every stream has one. */
  | { readonly type: "expect"; readonly weight: number }
  | { readonly type: "close" };

export type FromGenerator =
  | { readonly type: "ready" }
  /** `lastAt`: when the last of all initial responses was acknowledged. */
  | {
      readonly type: "settled";
      readonly lastAt: string;
      readonly bytes: number;
      readonly endpoints: number;
      readonly clusters: number;
    }
  | { readonly type: "expecting" }
  | {
      readonly type: "round";
      /** When each stream's ACK was written. */
      readonly ackedAt: readonly string[];
      /** Of the counted messages, with gRPC's prefix. */
      readonly bytes: number;
      /** Other responses in the meantime: anything here is work that brought nothing new. */
      readonly strays: number;
      /** Share of one core the generator used in this round: above 0.85 its own speed is what was measured. */
      readonly busy: number;
    }
  | { readonly type: "failed"; readonly reason: string };
