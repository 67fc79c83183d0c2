/**
 * The load reporting service (LRS, envoy/service/load_stats/v3/lrs.proto): asks every client for the load of all its
 * clusters and sums what they say.
 */
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { Node } from "../../gen/envoy/config/core/v3/base.ts";
import { LoadStatsRequest, LoadStatsResponse } from "../../gen/envoy/service/load_stats/v3/lrs.ts";
import { MeshbridgeError, reasonOf } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { fail } from "../../model/errors.ts";
import type { PeerIdentity } from "../identity.ts";
import type { ClientLoads, Loads } from "../load/loads.ts";
import { clientOf, type NodeDefaults } from "../node.ts";
import { type Access, NOBODY } from "./access.ts";
import { type BoundService, bytesMethod } from "./services.ts";

const SERVICE = "envoy.service.load_stats.v3.LoadReportingService";
/** Without it a client does not know the wildcard and must be told clusters by name. */
const SUPPORTS_ALL = "envoy.lrs.supports_send_all_clusters";
const INTERVAL_SECONDS = 10;

/** Given: reports are taken of those alone who may be what their node says. */
export interface LoadGuard {
  readonly access: Access;
  readonly defaults: NodeDefaults;
}

/** `intervalSeconds`: how often clients report. */
export function loadService(loads: Loads, log: Log, guard?: LoadGuard, intervalSeconds = INTERVAL_SECONDS): BoundService {
  const streamLoadStats = (call: ServerDuplexStream<Buffer, Buffer>) => {
    let client: ClientLoads | undefined;
    /** Clusters that a client without the wildcard has been asked for. */
    const asked = new Set<string>();
    let all = false;
    let proven: PeerIdentity = NOBODY;

    const ask = (names: readonly string[]) => {
      for (const name of names) asked.add(name);
      const answer = LoadStatsResponse.fromPartial({
        sendAllClusters: all,
        clusters: all ? [] : [...asked],
        loadReportingInterval: { seconds: intervalSeconds, nanos: 0 },
      });
      call.write(Buffer.from(LoadStatsResponse.encode(answer).finish()));
    };

    const take = (bytes: Buffer) => {
      const { node, clusterStats } = LoadStatsRequest.decode(bytes);
      const fresh = clusterStats.map(({ clusterName }) => clusterName).filter((name) => !asked.has(name));
      if (client === undefined) {
        assertAllowed(node, proven, guard);
        client = loads.open();
        all = node?.clientFeatures.includes(SUPPORTS_ALL) ?? false;
        ask(fresh);
      } else if (!all && fresh.length > 0) ask(fresh);
      client.report(clusterStats);
    };

    const close = () => client?.close();
    call.pause();
    const known = (peer: PeerIdentity) => {
      proven = peer;
      call.resume();
    };
    const unknown = (error: unknown) => call.emit("error", { code: status.UNAVAILABLE, details: reasonOf(error) });
    if (guard === undefined) call.resume();
    else guard.access.identify(call).then(known, unknown);
    call.on("data", (bytes: Buffer) => {
      try {
        take(bytes);
      } catch (error) {
        log.warn({ peer: call.getPeer(), reason: reasonOf(error) }, "load report not taken; its stream is closed");
        const known = error instanceof MeshbridgeError;
        const code = known ? status.PERMISSION_DENIED : status.INVALID_ARGUMENT;
        call.emit("error", { code, details: known ? error.message : "not a LoadStatsRequest" });
        close();
      }
    });
    call.on("end", () => {
      call.end();
      close();
    });
    call.on("error", close);
    call.on("cancelled", close);
  };
  return {
    definition: { StreamLoadStats: bytesMethod(`/${SERVICE}/StreamLoadStats`) },
    implementation: { StreamLoadStats: streamLoadStats },
  };
}

function assertAllowed(node: Node | undefined, peer: PeerIdentity, guard: LoadGuard | undefined): void {
  if (guard === undefined || !guard.access.active) return;
  const reason = guard.access.refusal(peer, { nodeId: node?.id ?? "", client: clientOf(node, guard.defaults) });
  if (reason !== undefined) throw fail("MB_XDS_NODE_FORBIDDEN", { reason });
}
