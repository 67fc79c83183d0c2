/**
 * Which hosts a TLS connection may ask for, by the server name it was opened with. Without this a connection that was opened
 * for one name, where no client certificate is asked for, could request the hosts of another name, where one is. Pure.
 */

/** `*`, `*.x`, or a whole name; in lower case. */
export type HostPattern = string;

export interface HostPlan<T> {
  /** The hosts answered, each by the most specific owner. */
  readonly served: ReadonlyMap<HostPattern, T>;
  /** Hosts that belong to a connection with another server name: to be told so (421). */
  readonly misdirected: readonly HostPattern[];
}

/** `own`: the server names of this connection; `all`: those of every group of the listener, `own` among them. */
export function planHosts<T>(
  owners: ReadonlyMap<HostPattern, T>,
  own: readonly HostPattern[],
  all: readonly (readonly HostPattern[])[],
): HostPlan<T> {
  const names = all.flat();
  const isOwn = (host: HostPattern) => own.includes(narrowest(host, names) ?? "");
  const served = new Map<HostPattern, T>();
  const bySpecificity = [...owners].sort(([a], [b]) => specificity(b) - specificity(a));
  for (const [pattern, owner] of bySpecificity) {
    for (const name of own) {
      const both = intersection(pattern, name);
      if (both !== undefined && isOwn(both) && !served.has(both)) served.set(both, owner);
    }
  }
  const foreign = names.filter((name) => !own.includes(name) && own.some((mine) => intersection(mine, name) === name));
  const misdirected = own.includes("*") ? foreign : [...foreign, "*"];
  return { served, misdirected: [...new Set(misdirected)] };
}

/** The most specific of the patterns that covers the host or pattern as a whole. */
function narrowest(host: HostPattern, patterns: readonly HostPattern[]): HostPattern | undefined {
  const covering = patterns.filter((pattern) => intersection(pattern, host) === host);
  return covering.sort((a, b) => specificity(b) - specificity(a))[0];
}

/** What both cover; undefined for nothing. Of two patterns that meet, one always covers the other. */
function intersection(a: HostPattern, b: HostPattern): HostPattern | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

function covers(pattern: HostPattern, other: HostPattern): boolean {
  if (pattern === "*" || pattern === other) return true;
  return pattern.startsWith("*.") && other !== "*" && other.endsWith(pattern.slice(1));
}

/** A whole name before any pattern, a longer pattern before a shorter one. */
function specificity(pattern: HostPattern): number {
  if (pattern === "*") return 0;
  return pattern.startsWith("*.") ? pattern.length : 1000 + pattern.length;
}
