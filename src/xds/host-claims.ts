/**
 * Who has a host name that gRPC clients dial. Two services can have one, since case folds and dots join: `a.b` of the
 * namespace `c` is also `a` of the namespace `b.c`. The first by id has it: the same one on every replica, whatever the
 * order in which they came.
 */
import type { Condition } from "../model/condition.ts";
import type { ServiceId } from "../model/service.ts";

export interface HostClaims {
  /** The service's host now; undefined: it is gone. Returns the services whose right to a host may have changed by it. */
  set(id: ServiceId, host: string | undefined): readonly ServiceId[];
  owns(id: ServiceId): boolean;
  /** One for each service that has to do without its host, sorted by host. */
  conditions(): readonly Condition[];
}

export function createHostClaims(): HostClaims {
  const hostOf = new Map<ServiceId, string>();
  const claimants = new Map<string, ServiceId[]>();
  const contested = new Set<string>();

  const change = (host: string, next: ServiceId[]): readonly ServiceId[] => {
    if (next.length === 0) claimants.delete(host);
    else claimants.set(host, next.sort());
    if (next.length > 1) contested.add(host);
    else contested.delete(host);
    return next;
  };

  return {
    set(id, host) {
      const before = hostOf.get(id);
      if (before === host) return [];
      const touched: ServiceId[] = [];
      if (before !== undefined) {
        hostOf.delete(id);
        touched.push(
          ...change(
            before,
            (claimants.get(before) ?? []).filter((other) => other !== id),
          ),
        );
      }
      if (host !== undefined) {
        hostOf.set(id, host);
        touched.push(...change(host, [...(claimants.get(host) ?? []), id]));
      }
      return touched;
    },
    owns(id) {
      const host = hostOf.get(id);
      return host !== undefined && claimants.get(host)?.[0] === id;
    },
    conditions() {
      return [...contested].sort().flatMap((host) => {
        const [holder, ...losers] = claimants.get(host) ?? [];
        return losers.map((loser): Condition => {
          const message = `for gRPC clients ${host} leads to ${holder ?? ""}, so ${loser} is not reachable by that name`;
          return { type: "ListenerConflict", reason: "HostTaken", message };
        });
      });
    },
  };
}
