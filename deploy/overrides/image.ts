/** The parts of a container image's reference. Pure. */
import type { ImageOverride } from "../api/schema/overrides.ts";

interface ImageParts {
  readonly registry: string | undefined;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/**
 * As the distribution's grammar has it: the first part is a registry when it has a dot or a port or is `localhost`;
 * a colon after the last slash begins the tag.
 */
function parseImage(reference: string): ImageParts {
  const [named = "", digest] = reference.split("@", 2);
  const slash = named.indexOf("/");
  const first = named.slice(0, Math.max(0, slash));
  const registry = slash > 0 && (/[.:]/.test(first) || first === "localhost") ? first : undefined;
  const rest = registry === undefined ? named : named.slice(slash + 1);
  const colon = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  return {
    registry,
    repository: colon < 0 ? rest : rest.slice(0, colon),
    tag: colon < 0 ? undefined : rest.slice(colon + 1),
    digest,
  };
}

/** A new digest takes the place of the tag, and a new tag that of the digest, unless both are given. */
export function overrideImage(
  reference: string,
  { registry, repository, tag, digest }: Omit<ImageOverride, "container">,
): string {
  const old = parseImage(reference);
  const names = [registry ?? old.registry, repository ?? old.repository].filter((part) => part !== undefined).join("/");
  const newTag = tag ?? (digest === undefined ? old.tag : undefined);
  const newDigest = digest ?? (tag === undefined ? old.digest : undefined);
  return `${names}${newTag === undefined ? "" : `:${newTag}`}${newDigest === undefined ? "" : `@${newDigest}`}`;
}
