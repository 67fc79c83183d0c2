/**
 * Who said it. Ownership, conflict order and clean-up hang on the source: one source speaks of exactly one service,
 * and a group from it replaces all that it said before.
 */
export interface Source {
  /** Name of the registry in the configuration. */
  readonly registry: string;
  /** Unique within the registry, e.g. `dc1/checkout`. */
  readonly scope: string;
}

/** A name for maps and messages: `registry/scope`. The registry's name never holds a slash. */
export function sourceName({ registry, scope }: Source): string {
  return `${registry}/${scope}`;
}
