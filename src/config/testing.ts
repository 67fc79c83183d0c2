/** A registry kind for the tests of the configuration: every form of setting, and no registry behind it. */
import { Type } from "typebox";
import { type Adapter, defineAdapter } from "../registry/adapter.ts";
import { SecretRefSchema } from "../registry/settings.ts";
import { type LoadOptions, parseConfig } from "./load.ts";
import type { ResolvedConfig } from "./resolved.ts";

export const consulLike: Adapter = defineAdapter({
  kind: "consul",
  description: "A stand-in with Consul's settings.",
  schema: Type.Object(
    {
      address: Type.String({ format: "uri", default: "http://127.0.0.1:8500", description: "The agent." }),
      datacenters: Type.Optional(Type.Array(Type.String(), { description: "Which datacenters." })),
      token: Type.Optional(SecretRefSchema),
    },
    { additionalProperties: false },
  ),
  async *watch() {
    yield* [];
  },
});

export const fileLike: Adapter = defineAdapter({
  kind: "file",
  description: "A stand-in with the file registry's settings.",
  schema: Type.Object({ path: Type.Union([Type.String(), Type.Array(Type.String())]) }, { additionalProperties: false }),
  async *watch() {
    yield* [];
  },
});

export function testOptions(overrides: Partial<LoadOptions> = {}): LoadOptions {
  return { path: "/etc/mb/meshbridge.yaml", adapters: [fileLike, consulLike], env: {}, flags: new Map(), ...overrides };
}

/** The configuration of the text as `/etc/mb/meshbridge.yaml`. */
export function configOf(text: string, overrides: Partial<LoadOptions> = {}): ResolvedConfig {
  return parseConfig(text, testOptions(overrides));
}
