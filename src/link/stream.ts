/** One peer that reads our exports: the newest state as fast as it takes it, never a backlog. */
import { once } from "node:events";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { CatalogStore } from "../catalog/store.ts";
import type { CatalogService } from "../catalog/types.ts";
import type { WatchRequest, WatchResponse } from "../gen/meshbridge/link/v1/link.ts";
import type { Clock } from "../kernel/clock.ts";
import { createLatest } from "../kernel/latest.ts";
import type { ServiceId } from "../model/service.ts";
import { createExportState } from "./export-state.ts";
import type { ExportContext } from "./exported.ts";
import { HEARTBEAT_MS, LINK_VERSION } from "./wire.ts";

export type ExportCall = ServerDuplexStream<WatchRequest, WatchResponse>;

export interface ExportStream {
  /** Exports or links were configured anew: everything is looked at again. */
  reconfigured(): void;
  /** A registry stands otherwise than before: the peer gets a marker. */
  restated(): void;
  /** Groups that the peer has. */
  readonly groups: number;
  /** Wall-clock ms of the last marker; undefined before the first. */
  readonly markedAt: number | undefined;
}

export interface ExportStreamEnv {
  readonly catalog: Pick<CatalogStore, "subscribe">;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  context(): ExportContext;
}

/** Runs until the signal aborts. Nothing is said while our own registries are still waited for: empty is not unknown. */
export function runExport(call: ExportCall, { catalog, clock, signal, context }: ExportStreamEnv): ExportStream {
  const state = createExportState();
  const inbox = createLatest<ReadonlySet<ServiceId>>((waiting, next) => new Set([...waiting, ...next]));
  let services: ReadonlyMap<ServiceId, CatalogService> = new Map();
  let served = false;
  let groups = 0;
  let markedAt: number | undefined;

  const write = async (message: WatchResponse) => {
    if (!call.write(message)) await once(call, "drain", { signal });
  };

  const follow = async () => {
    for await (const change of catalog.subscribe(signal)) {
      if (change.sync === "waiting") continue;
      // What came while it was waited for was in no notice but the first.
      inbox.push(served ? change.changed : new Set(change.services.keys()));
      services = change.services;
      served = true;
    }
  };

  const beat = async () => {
    while (!signal.aborted) {
      await clock.sleep(HEARTBEAT_MS, signal);
      if (served) inbox.push(new Set());
      else await write(welcome());
    }
  };

  const welcome = (): WatchResponse => ({
    message: { $case: "welcome", value: { version: LINK_VERSION, cluster: context().cluster, heartbeatMs: HEARTBEAT_MS } },
  });

  const speak = async () => {
    await write(welcome());
    for await (const ids of inbox) {
      const now = context();
      for (const message of state.update(ids, services, now)) await write(message);
      const marker = state.marker(now);
      await write({ message: { $case: "synced", value: marker } });
      groups = marker.groups;
      markedAt = clock.now();
    }
  };

  const quiet = (error: unknown) => {
    // Its own abort ends it; anything else ends the call, and the peer comes again.
    if (!signal.aborted) call.destroy(error instanceof Error ? error : new Error(String(error)));
  };
  signal.addEventListener("abort", () => inbox.close(), { once: true });
  for (const part of [follow, beat, speak]) part().catch(quiet);

  return {
    reconfigured: () => {
      if (served) inbox.push(new Set([...services.keys(), ...state.known()]));
    },
    restated: () => {
      if (served) inbox.push(new Set());
    },
    get groups() {
      return groups;
    },
    get markedAt() {
      return markedAt;
    },
  };
}
