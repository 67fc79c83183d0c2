/** Wires the serving side of links: the catalog and the registries' state in, peers out. */
import { setImmediate } from "node:timers/promises";
import type { ResolvedConfig } from "../config/resolved.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { createLinkServer, type LinkServer } from "../link/server.ts";
import { LINK_KIND, standingOf } from "../link/standing.ts";
import { PATH_LABEL } from "../link/wire.ts";
import type { Core } from "./core.ts";

export interface LinksOptions {
  readonly core: Pick<Core, "catalog" | "fleet">;
  readonly clock: Clock;
  readonly log: Log;
  config(): ResolvedConfig;
}

export function createLinks({ core, clock, log, config }: LinksOptions): LinkServer {
  return createLinkServer({
    cluster: config().mesh.cluster,
    catalog: core.catalog,
    clock,
    log,
    nextTurn: setImmediate,
    policy: () => config().links,
    registries: () => new Map(core.fleet.statuses().map((status) => [status.name, standingOf(status)])),
    sees: (cluster) => cluster === config().mesh.cluster || seesByLink(cluster, core, config()),
  });
}

/** A link that is current, and leads there or brings something from there. */
function seesByLink(cluster: string, { catalog, fleet }: LinksOptions["core"], { registries }: ResolvedConfig): boolean {
  const live = new Set(
    fleet
      .statuses()
      .filter(({ kind, state }) => kind === LINK_KIND && state === "live")
      .map(({ name }) => name),
  );
  if (registries.some(({ name, config }) => live.has(name) && config["peer"] === cluster)) return true;
  for (const { sources } of catalog.snapshot().services.values())
    if (sources.some(({ registry, scope }) => live.has(registry) && scope.startsWith(`${cluster}/`))) return true;
  return false;
}

/** Of a link whose peer is in its link file: as far as something has come by it. */
export function peersBehind({ catalog }: Pick<Core, "catalog">, { registries }: ResolvedConfig): ReadonlyMap<string, string> {
  const links = registries.filter(({ kind }) => kind === LINK_KIND);
  const known = new Map(links.flatMap(({ name, config: { peer } }) => (typeof peer === "string" ? [[name, peer] as const] : [])));
  const open = new Set(links.map(({ name }) => name).filter((name) => !known.has(name)));
  if (open.size === 0) return known;
  for (const { instances } of catalog.snapshot().services.values())
    for (const { source, labels } of instances) {
      const peer = labels[PATH_LABEL]?.split(",").at(-1);
      if (open.has(source.registry) && peer !== undefined) known.set(source.registry, peer);
    }
  return known;
}
