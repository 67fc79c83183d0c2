/** The lines of a watch (meta.v1 WatchEvent). Pure; a line of another form is a line that says nothing. */
import type { ApiRefusal, KubeApi } from "./api.ts";

export type WatchLine =
  | { readonly type: "put" | "delete"; readonly object: unknown; readonly resourceVersion: string | undefined }
  /** Nothing changed up to this version. */
  | { readonly type: "bookmark"; readonly resourceVersion: string | undefined }
  /** The server ends the watch, and says why. */
  | { readonly type: "error"; readonly refusal: ApiRefusal };

type Mapping = Readonly<Record<string, unknown>>;

export function readWatchLine(raw: unknown, faults: KubeApi["faults"]): WatchLine | undefined {
  const { type, object } = mapping(raw);
  if (type === "ERROR") return { type: "error", refusal: refusalOf(mapping(object), faults) };
  const version = mapping(mapping(object)["metadata"])["resourceVersion"];
  const resourceVersion = typeof version === "string" ? version : undefined;
  if (type === "BOOKMARK") return { type: "bookmark", resourceVersion };
  if (type === "ADDED" || type === "MODIFIED") return { type: "put", object, resourceVersion };
  return type === "DELETED" ? { type: "delete", object, resourceVersion } : undefined;
}

/** A Status object. */
function refusalOf({ code, message, details }: Mapping, faults: KubeApi["faults"]): ApiRefusal {
  const status = typeof code === "number" ? code : 500;
  const reason = (typeof message === "string" ? message : "no reason given").replace(/[^\x20-\x7e]+/g, " ").slice(0, 200);
  const { retryAfterSeconds } = mapping(details);
  return {
    error: faults.refused(status, reason),
    status,
    retryAfterMs: typeof retryAfterSeconds === "number" ? Math.min(600_000, retryAfterSeconds * 1000) : undefined,
  };
}

/**
 * Whether the version we would watch from is none that the server can go on from: forgotten (410), or from a future that
 * it does not have, after a restore from an older backup ("Too large resource version", a 504).
 */
export function isVersionLost({ status, error }: ApiRefusal): boolean {
  return status === 410 || (status === 504 && /too large resource version/i.test(error.message));
}

/** Whether a version came before another. They are opaque by contract, but the API server's are numbers of one counter. */
export function isBefore(version: string, other: string): boolean {
  return /^\d+$/.test(version) && /^\d+$/.test(other) && BigInt(version) < BigInt(other);
}

function mapping(value: unknown): Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}
