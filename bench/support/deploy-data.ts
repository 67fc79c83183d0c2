/** Objects of the deploy benchmark: of a size that workloads have, about 3 kB with their managed fields. */
import type { JsonObject } from "../../deploy/json/value.ts";
import { marked } from "../../deploy/plan/ownership.ts";

export const TRACKED = "bench/tracked";

/** Three containers of ten variables each, marked as the workload's. */
export function benchDeployment(workload: string, name: string, tag: string): JsonObject {
  return marked(
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace: "bench", labels: { app: name } },
      spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: benchPod(name, tag) },
    },
    workload,
    "r1",
  );
}

function benchPod(name: string, tag: string): JsonObject {
  const env = Array.from({ length: 10 }, (_, item) => ({ name: `VARIABLE_${item}`, value: `value-${item}` }));
  const containers = ["web", "log", "proxy"].map((one) => ({
    name: one,
    image: `registry.example.com/shop/${one}:${tag}`,
    env,
    ports: one === "web" ? [{ name: "http", containerPort: 8080 }] : [],
  }));
  return { metadata: { labels: { app: name } }, spec: { containers } };
}

/** The text of a FederatedWorkload of two objects, everywhere. */
export function benchWorkload(name: string, tag: string): string {
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { tag } };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: benchPod(name, tag) },
  };
  return JSON.stringify({
    apiVersion: "deploy.meshbridge.io/v1alpha1",
    kind: "FederatedWorkload",
    metadata: { name, namespace: "bench" },
    spec: { template: { manifests: [map, deployment] }, placement: { clusterSelector: {} } },
  });
}
