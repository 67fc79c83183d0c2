/** Every kind of registry that can be written to, in the order of the documentation. A new one is one more line here. */
import type { WriterKind } from "../src/sidecar/writer.ts";
import { consulWriter } from "./consul/writer.ts";
import { kubernetesWriter } from "./kubernetes/writer.ts";
import { zookeeperWriter } from "./zookeeper/writer.ts";

export const writers: readonly WriterKind[] = [consulWriter, zookeeperWriter, kubernetesWriter];
