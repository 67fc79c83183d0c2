/** What tests of the server need and do not look at. */
import type { XdsMetrics } from "./session.ts";

export const SILENT_METRICS: XdsMetrics = {
  stream: () => undefined,
  response: () => undefined,
  nack: () => undefined,
  refused: () => undefined,
  secretsDenied: () => undefined,
};
