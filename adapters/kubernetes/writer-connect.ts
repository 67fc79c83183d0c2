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
import type { EntrySettings } from "./writer-entry.ts";

const ENTRY_DEFAULTS: EntrySettings = { hosts: ["{service}.mesh.internal"], location: "MESH_EXTERNAL" };

const ServiceEntrySchema = Type.Object(
  {
    hosts: Type.Optional(
      Type.Array(
        Type.String({
          pattern: "^[a-z0-9.-]{0,60}\\{service\\}[a-z0-9.-]{0,60}$",
          patternErrorMessage: "must be {service} with lower-case letters, digits, dots and dashes around it",
        }),
        {
          ...{ minItems: 1, maxItems: 8, default: ENTRY_DEFAULTS.hosts },
          description:
            "Hosts that clients dial. `{service}` is the service's name; where it is no DNS name, what an object of it is called.",
        },
      ),
    ),
    location: Type.Optional(
      Type.Enum(["MESH_EXTERNAL", "MESH_INTERNAL"], {
        default: ENTRY_DEFAULTS.location,
        description: "`MESH_INTERNAL`: the instances are workloads of the mesh, and dialled with its mutual TLS.",
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      "With it, even empty, each service becomes a ServiceEntry of networking.istio.io/v1, with its instances as endpoints, instead of a Service.",
  },
);

export const KubernetesWriterSettings = Type.Object(
  {
    kubeconfig: Type.Optional(Type.String({ minLength: 1, description: "File. Default: the Pod's own service account." })),
    namespace: Type.Optional(
      Type.String({ pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", default: "default", description: "Namespace to write to." }),
    ),
    serviceEntry: Type.Optional(ServiceEntrySchema),
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

/** With its defaults. */
export function entrySettings(given: Static<typeof ServiceEntrySchema>): EntrySettings {
  return { hosts: given.hosts ?? ENTRY_DEFAULTS.hosts, location: given.location ?? ENTRY_DEFAULTS.location };
}

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
