/** Wires the name server: the catalog, the registries' state and the configuration in, answers out. */
import type { ResolvedConfig } from "../config/resolved.ts";
import { createResponder, type Explained, type Responder, type ResponderState } from "../dns/responder.ts";
import { type DnsServer, listenDns } from "../dns/server.ts";
import { zonesOf } from "../dns/spec.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { RegistryStatus } from "../registry/status.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Core } from "./core.ts";

export interface DnsOptions {
  readonly core: Pick<Core, "served" | "fleet" | "traffic">;
  readonly metrics: Pick<Metrics, "count" | "add">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  config(): ResolvedConfig;
}

type Served = Parameters<Responder["update"]>[0];

export interface Dns {
  /** Opens the ports, where the configuration wants a name server. Resolves with the port. Throws MB_LISTEN_FAILED. */
  listen(): Promise<number | undefined>;
  /** The catalog as clients see it has changed. */
  served(change: Served): void;
  /** The configuration is another one. */
  reconfigured(): void;
  /** Some registry may stand otherwise than before. */
  restated(): void;
  /** Undefined: there is no name server. */
  explain(name: string, type: string, from: string): Explained | undefined;
  zones(): readonly string[];
  close(): Promise<void>;
}

/** More would let whoever asks make as many series as there are types. */
const COUNTED_TYPES: ReadonlySet<string> = new Set(["A", "AAAA", "SRV", "SOA", "NS", "TXT", "PTR", "CNAME", "ANY", "none"]);

export function createDns({ core, metrics, clock, random, log, config }: DnsOptions): Dns {
  let certain = allRead(core.fleet.statuses());
  let responder: Responder | undefined;
  let server: DnsServer | undefined;

  const stateOf = ({ dns, mesh }: ResolvedConfig): ResponderState | undefined =>
    dns && { spec: dns.spec, traffic: core.traffic(), home: { cidrs: [], ...mesh } };

  return {
    async listen() {
      const { dns } = config();
      const state = stateOf(config());
      if (dns === undefined || state === undefined) return undefined;
      responder = createResponder(state, {
        clock,
        random,
        certain: () => certain,
        onQuery: (transport, type, rcode) =>
          metrics.count("dns_queries_total", { transport, type: COUNTED_TYPES.has(type) ? type : "other", rcode }),
      });
      responder.configure(state, core.served());
      server = await listenDns({
        ...{ listen: dns.listen, limits: dns.limits, responder, clock, log },
        onDrop: (reason) => metrics.count("dns_dropped_total", { reason }),
        onConnections: (by) => metrics.add("dns_tcp_connections", {}, by),
      });
      return server.port;
    },
    reconfigured() {
      const state = stateOf(config());
      if (state === undefined || responder === undefined) return;
      // Other policies make other services of the same catalog.
      responder.configure(state, core.served());
    },
    served: (change) => responder?.update(change),
    restated() {
      certain = allRead(core.fleet.statuses());
    },
    explain: (name, type, from) => responder?.explain(name, type, from),
    zones: () => {
      const { dns } = config();
      return dns === undefined || responder === undefined ? [] : zonesOf(dns.spec);
    },
    close: async () => server?.close(),
  };
}

/** What is not there is known not to be only while every registry answers. */
function allRead(statuses: readonly RegistryStatus[]): boolean {
  return statuses.every(({ state, lastSyncAt }) => lastSyncAt !== undefined && (state === "live" || state === "suspect"));
}
