/** Every kind of registry there is. A new one is a line here; configuration, reference page and help follow from it. */
import type { Adapter } from "../src/registry/adapter.ts";
import { consul } from "./consul/index.ts";
import { file } from "./file/index.ts";
import { kubernetes } from "./kubernetes/index.ts";
import { meshbridge } from "./meshbridge/index.ts";
import { zookeeper } from "./zookeeper/index.ts";

export const adapters: readonly Adapter[] = [file, consul, zookeeper, kubernetes, meshbridge];
