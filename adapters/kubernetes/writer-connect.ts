/** Settings of a cluster that is written to, and the connection they mean. */
import { dirname, resolve } from "node:path";
import { type Static, Type } from "typebox";
import { readText } from "../../src/kernel/read-text.ts";
import type { KubeClient } from "../../src/kubernetes/api.ts";
import { connectCluster } from "../../src/kubernetes/connect.ts";
import { registryFaults } from "../../src/kubernetes/faults.ts";
import { fail } from "../../src/model/errors.ts";
import { DurationSchema } from "../../src/registry/settings.ts";
import type { WriterContext } from "../../src/sidecar/writer.ts";

export const KubernetesWriterSettings = Type.Object(
  {
    kubeconfig: Type.Optional(Type.String({ minLength: 1, description: "File. Default: the Pod's own service account." })),
    namespace: Type.Optional(
      Type.String({ pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", default: "default", description: "Namespace to write to." }),
    ),
    lease: Type.Optional(
      Type.String({
        pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        description: "In an election: name of the Lease. Default: meshbridge-sync.",
      }),
    ),
    leaseDuration: Type.Optional({
      ...DurationSchema,
      default: "15s",
      description:
        "In an election: a replica that did not renew the Lease for so long is followed by another; it stops acting itself after half of it. Whole seconds.",
    }),
  },
  { additionalProperties: false },
);
export type KubernetesWriterSettings = Static<typeof KubernetesWriterSettings>;

/** Throws MB_KUBECONFIG_INVALID; asks nothing yet. */
export async function connectWriter(
  { kubeconfig }: KubernetesWriterSettings,
  { name, baseDir }: Pick<WriterContext, "name" | "baseDir">,
): Promise<KubeClient> {
  const path = kubeconfig === undefined ? undefined : resolve(baseDir, kubeconfig);
  const origin = path ?? "the service account";
  const text = path === undefined ? { text: "in-cluster" } : await readText(path);
  if ("reason" in text) throw fail("MB_KUBECONFIG_INVALID", { origin, field: "the file", reason: text.reason });
  return connectCluster(text.text, {
    ...{ origin, context: undefined, allow: [], local: true, dir: path === undefined ? baseDir : dirname(path) },
    faults: (address) => registryFaults(name, address),
  });
}
