/** Dubbo's metadata: `root/<app>/<revision>`. Nothing is a service here; the applications' format looks into it. */
import type { Format } from "./types.ts";

export function dubboMetadataFormat(): Format {
  return {
    wants: (segments) => (segments.length < 2 ? { children: true } : segments.length === 2 ? { data: true } : undefined),
    unitsOf: () => [],
    units: () => [],
    read: () => [],
  };
}
