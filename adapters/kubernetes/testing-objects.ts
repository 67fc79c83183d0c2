/** For tests: objects as an API server gives them, and a kubeconfig that names none. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelObject } from "../../src/kubernetes/testing.ts";

export const SERVICES = "/api/v1/services";
export const SLICES = "/apis/discovery.k8s.io/v1/endpointslices";

export function modelService(namespace: string, name: string, more: object = {}): ModelObject {
  return { metadata: { namespace, name }, spec: { ports: [{ name: "http", port: 80 }], ...more } };
}

interface Place {
  readonly address: string;
  readonly port: number;
}

export function sliceName(service: string, { address, port }: Place): string {
  return `${service}-${address}-${port}`;
}

/** A slice with one endpoint. */
export function modelSlice(namespace: string, service: string, place: Place): ModelObject {
  return {
    metadata: { namespace, name: sliceName(service, place), labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    ports: [{ name: "http", port: place.port, protocol: "TCP" }],
    endpoints: [{ addresses: [place.address] }],
  };
}

/** A file that looks like a kubeconfig, for tests that bring their own way to connect. */
export async function kubeconfigFile(text = "{}"): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "meshbridge-kubeconfig-"));
  const path = join(dir, "config");
  await writeFile(path, text);
  return { path, remove: () => rm(dir, { recursive: true, force: true }) };
}
