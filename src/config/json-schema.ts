/** The JSON Schema of the configuration file, for editors and other programs. */
import type { Adapter } from "../registry/adapter.ts";
import { configSchema, inputSchema } from "./schema.ts";

/** Draft 2020-12, plain data. What has a default is not required. */
export function configJsonSchema(adapters: readonly Adapter[]): Readonly<Record<string, unknown>> {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "urn:meshbridge:configuration",
    title: "Meshbridge configuration",
    description: "The configuration file of `meshbridge serve`.",
    ...inputSchema(configSchema(adapters)),
  };
}
