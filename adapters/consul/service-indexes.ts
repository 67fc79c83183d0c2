/**
 * The index of each service's own reads. One that goes back means that the answer is older than the one before: a server
 * lags behind its peers, or it was restarted or restored between a feed's answer and this read. Deterministic, no I/O.
 */

export interface ServiceIndexes {
  /**
   * What the answer with this `X-Consul-Index` is: to be taken; older than the one before, so that it should be asked for
   * again; or older a second time, so that it is Consul that went back.
   */
  judge(name: string, header: string | undefined): "taken" | "older" | "went-back";
}

export function createServiceIndexes(): ServiceIndexes {
  const last = new Map<string, number>();
  const doubted = new Set<string>();
  return {
    judge(name, header) {
      const index = header !== undefined && /^\d{1,16}$/.test(header) ? Number(header) : undefined;
      if (index === undefined) return "taken";
      const older = index < (last.get(name) ?? 0);
      if (older && !doubted.has(name)) {
        doubted.add(name);
        return "older";
      }
      doubted.delete(name);
      last.set(name, index);
      return older ? "went-back" : "taken";
    },
  };
}
