/** The name of an API object within its resource. Pure. */

/** `namespace/name`; undefined for what is no object with a name. */
export function objectKey(raw: unknown): string | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const { metadata } = raw as { readonly metadata?: unknown };
  if (typeof metadata !== "object" || metadata === null) return undefined;
  const { namespace = "", name } = metadata as { readonly namespace?: unknown; readonly name?: unknown };
  return typeof name === "string" && name !== "" && typeof namespace === "string" ? `${namespace}/${name}` : undefined;
}

/** The version of an object that has one. */
export function objectVersion(raw: unknown): string | undefined {
  const { metadata } = (raw ?? {}) as { readonly metadata?: { readonly resourceVersion?: unknown } | null };
  const version = metadata?.resourceVersion;
  return typeof version === "string" ? version : undefined;
}
