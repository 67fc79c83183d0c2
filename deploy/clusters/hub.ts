/** A member as the hub's controller finds it: a Cluster, and a Secret that holds its kubeconfig. */
import { fail } from "../../src/model/errors.ts";
import { API_VERSION } from "../api/schema/common.ts";
import { type JsonObject, textAt } from "../json/value.ts";
import type { ClusterClient, KubeRefusal } from "../kube/types.ts";
import type { ObjectKey } from "../plan/object-key.ts";
import type { Declared } from "./fleet-file.ts";

export interface Hub {
  readonly client: ClusterClient;
  /** Of the Secrets, and of the Clusters where that kind has namespaces. */
  readonly namespace: string;
}

const GROUP = "deploy.meshbridge.io";
const WRITE = { fieldManager: "meshbridge-join" };
const KEY = "kubeconfig";
/** On a Cluster: which version of its Secret it means, so that who follows Clusters hears of new credentials at once. */
const SECRET_VERSION = "deploy.meshbridge.io/secret-version";

/** The Secret first: a Cluster that names one which is not there would be unreachable for a moment. Rejects with what was refused. */
export async function putInHub(hub: Hub, declared: Declared, kubeconfig: string, signal: AbortSignal): Promise<void> {
  const { name, labels, spec } = declared;
  const cluster = await clusterKey(hub, name, signal);
  const secret: JsonObject = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: secretName(name), namespace: hub.namespace },
    type: "Opaque",
    data: { [KEY]: Buffer.from(kubeconfig).toString("base64") },
  };
  const stored = await apply(hub, secret, signal);
  const annotations = { [SECRET_VERSION]: textAt(stored, "metadata", "resourceVersion") ?? "" };
  const { kubeconfig: _, context: __, ...rest } = spec;
  const secretRef = { name: secretName(name), namespace: hub.namespace, key: KEY };
  await apply(
    hub,
    {
      apiVersion: API_VERSION,
      kind: "Cluster",
      metadata: { name, ...(cluster.namespace !== "" && { namespace: cluster.namespace }), labels, annotations },
      spec: { ...(rest as unknown as JsonObject), secretRef },
    },
    signal,
  );
}

/** What is gone already is as good as removed. */
export async function removeFromHub(hub: Hub, name: string, signal: AbortSignal): Promise<void> {
  const secret = { group: "", kind: "Secret", namespace: hub.namespace, name: secretName(name) };
  for (const key of [await clusterKey(hub, name, signal), secret]) {
    const answer = await hub.client.remove(key, {}, signal);
    if ("error" in answer && answer.status !== 404) throw answer.error;
  }
}

/** Changes fields of the Cluster's spec; null takes one out. */
export async function patchInHub(hub: Hub, name: string, spec: JsonObject, signal: AbortSignal): Promise<void> {
  const answer = await hub.client.patch(await clusterKey(hub, name, signal), { spec }, WRITE, signal);
  if ("error" in answer) throw answer.error;
}

async function clusterKey({ client, namespace }: Hub, name: string, signal: AbortSignal): Promise<ObjectKey> {
  const discovery = await client.discover(signal, { refresh: true });
  if ("error" in discovery) throw discovery.error;
  const kind = discovery.value.find({ group: GROUP, kind: "Cluster" });
  if (kind === undefined) {
    const reason = `it does not serve Cluster of ${GROUP}: install the CustomResourceDefinitions there first`;
    throw fail("MB_CLUSTER_REFUSED", { cluster: client.name, address: client.address, statusCode: 404, reason });
  }
  return { group: GROUP, kind: "Cluster", namespace: kind.namespaced ? namespace : "", name };
}

async function apply({ client }: Hub, object: JsonObject, signal: AbortSignal): Promise<JsonObject> {
  const answer = await client.apply(object, { ...WRITE, force: true }, signal);
  if ("error" in answer) throw withConflicts(answer);
  return answer.value;
}

/** The error; when others own what was to be written, naming them. */
export function withConflicts({ error, conflicts }: KubeRefusal): Error {
  if (conflicts.length === 0) return error;
  const reason = conflicts.map(({ manager, path }) => `${path} is owned by ${manager}`).join("; ");
  const { cluster = "", address = "" } = error.details;
  return fail("MB_CLUSTER_REFUSED", { cluster, address, statusCode: 409, reason });
}

function secretName(cluster: string): string {
  return `cluster-${cluster}`;
}
