/** Which services of the catalog are meant. Pure. */
import { matchesGlob } from "../../src/kernel/glob.ts";
import type { CatalogReply } from "./changes.ts";
import type { ConsulSettings } from "./schema.ts";

/** Consul's own servers, listed like a service. */
const CONSUL_ITSELF = "consul";

/** The part of the catalog that the settings mean; a service none of whose instances can carry all tags is not. */
export function selectServices(
  catalog: CatalogReply,
  { include, exclude, tags }: Pick<ConsulSettings, "include" | "exclude" | "tags">,
): CatalogReply {
  const meant = (name: string, has: ReadonlySet<string>) =>
    name !== CONSUL_ITSELF &&
    (include === undefined || include.some((pattern) => matchesGlob(pattern, name))) &&
    !exclude?.some((pattern) => matchesGlob(pattern, name)) &&
    (tags ?? []).every((tag) => has.has(tag));
  return new Map([...catalog].filter(([name, has]) => meant(name, has)));
}

/**
 * Whether a name can be a path segment of a request. Consul lets other names in, but its API would take them for
 * another path; they are no names for Envoy either.
 */
export function isReadable(name: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(name);
}
