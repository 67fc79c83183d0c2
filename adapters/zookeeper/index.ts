/** The ZooKeeper registry: services in whichever format they are kept. */
import { type Static, Type } from "typebox";
import { defineAdapter, type RegistryEvent, type WatchContext } from "../../src/registry/adapter.ts";
import type { Connect } from "./connection.ts";
import { createFormat, FORMAT_NAMES } from "./formats/index.ts";
import { JsonMapping } from "./formats/json.ts";
import { connectBySettings, optionsBySettings } from "./from-settings.ts";
import { CONNECTION_SETTINGS, PathSchema, SERVICE_SETTINGS } from "./schema.ts";
import { watchRoots } from "./watch.ts";

const PROTOCOLS = ["HTTP", "HTTP2", "GRPC", "TCP", "TLS"] as const;

const PathSettings = Type.Object(
  {
    path: PathSchema,
    format: Type.Optional(
      Type.Enum([...FORMAT_NAMES], {
        default: "auto",
        description:
          "How services are kept below it. `services`: Spring Cloud, Curator and Dubbo 3 applications. `dubbo-metadata`: what Dubbo applications offer; no services. `auto`: as its content tells.",
      }),
    ),
    fields: Type.Optional(JsonMapping),
    protocol: Type.Optional(
      Type.Enum([...PROTOCOLS], { default: "HTTP", description: "Spoken where the format does not tell." }),
    ),
  },
  { additionalProperties: false },
);

const ZooKeeperSettings = Type.Object(
  {
    ...CONNECTION_SETTINGS,
    paths: Type.Optional(
      Type.Array(PathSettings, {
        minItems: 1,
        maxItems: 64,
        description: "Where services are. Default: /dubbo, its metadata and /services, as far as they are there.",
      }),
    ),
    ...SERVICE_SETTINGS,
  },
  { additionalProperties: false },
);
export type ZooKeeperSettings = Static<typeof ZooKeeperSettings>;

const DEFAULT_PATHS: NonNullable<ZooKeeperSettings["paths"]> = [
  { path: "/dubbo", format: "dubbo" },
  { path: "/dubbo/metadata", format: "dubbo-metadata" },
  { path: "/services", format: "services" },
];

export const zookeeper = defineAdapter({
  kind: "zookeeper",
  description: "Services in ZooKeeper as Dubbo, Spring Cloud, Curator, serverset, nerve or apisix-seed keep them.",
  schema: ZooKeeperSettings,
  watch: (config, context) => watchZooKeeper(config, context, connectBySettings(config, context)),
});

/** The whole adapter over a way to connect: tests and simulations bring their own. */
export function watchZooKeeper(
  config: ZooKeeperSettings,
  context: WatchContext,
  connect: Connect,
): AsyncGenerator<RegistryEvent> {
  const paths = config.paths ?? DEFAULT_PATHS;
  const metadata = paths.find(({ format }) => format === "dubbo-metadata")?.path ?? "/dubbo/metadata";
  const roots = paths.map(({ path, format = "auto", fields, protocol = "HTTP" }) => ({
    path,
    format: createFormat(format, path, { metadataRoot: metadata, protocol, fields }),
  }));
  return watchRoots({ ...optionsBySettings(config, context, connect), roots });
}
