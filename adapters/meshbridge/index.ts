/** Another bridge as a registry: what it exports to us, read-only, over one outbound mTLS stream. */
import { defineAdapter } from "../../src/registry/adapter.ts";
import { DRAIN_MS, followLink } from "./follow.ts";
import { LinkSettings } from "./schema.ts";

export const meshbridge = defineAdapter({
  kind: "meshbridge",
  description: "What another bridge exports to this one.",
  schema: LinkSettings,
  drainMs: DRAIN_MS,
  watch: followLink,
});
