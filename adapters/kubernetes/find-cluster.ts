/** One cluster of the registry by its name, whatever origin names it. */
import type { KubernetesSettings } from "./schema.ts";
import type { ClusterSpec } from "./specs.ts";
import { type Surroundings, startOrigins } from "./start-origins.ts";

/** How to reach it, or why that cannot be told. */
export type Found = { readonly spec: ClusterSpec } | { readonly reason: string };

/** The cluster of that name, or the only one there is; again when it changed. */
export async function* findCluster(
  config: KubernetesSettings,
  name: string | undefined,
  surroundings: Surroundings,
): AsyncGenerator<Found, void, undefined> {
  const origins = await startOrigins(config, surroundings);
  const known = new Map<number, ReadonlyMap<string, ClusterSpec | undefined>>();
  const next = async (index: number) => ({ index, step: await origins[index]?.next() });
  const pending = new Map(origins.map((_, index) => [index, next(index)]));
  let before: string | undefined;
  while (pending.size > 0) {
    const { index, step } = await Promise.race(pending.values());
    if (step === undefined || step.done) {
      pending.delete(index);
      continue;
    }
    pending.set(index, next(index));
    if (step.value.specs !== undefined) known.set(index, step.value.specs);
    if (known.size < origins.length) continue;
    const found = choose(
      [...known.values()].flatMap((specs) => [...specs]),
      name,
    );
    const key = JSON.stringify(found);
    if (key === before) continue;
    before = key;
    yield found;
  }
}

function choose(clusters: readonly (readonly [string, ClusterSpec | undefined])[], name: string | undefined): Found {
  const wanted = clusters.filter(([cluster]) => name === undefined || cluster === name);
  const [only] = wanted;
  if (only?.[1] !== undefined && wanted.length === 1) return { spec: only[1] };
  if (only !== undefined && wanted.length === 1) return { reason: `the kubeconfig of cluster ${only[0]} cannot be read` };
  const names = clusters.map(([cluster]) => cluster).join(", ") || "none";
  if (name !== undefined) return { reason: `the registry has no cluster ${name}; it has: ${names}` };
  return { reason: `the registry has several clusters, so \`cluster\` must name one of: ${names}` };
}
