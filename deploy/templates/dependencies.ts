/** What workloads name and their template lacks, fetched from where the template is from: a hub, or any cluster that has it. */
import type { MeshbridgeError } from "../../src/kernel/errors.ts";
import type { JsonObject } from "../json/value.ts";
import type { ClusterClient } from "../kube/types.ts";
import { missingReferences } from "../plan/dependencies.ts";
import { keyOf, keyText, type ObjectKey } from "../plan/object-key.ts";

export interface Fetched {
  /** By `keyText`, for `followDependencies`. */
  readonly objects: ReadonlyMap<string, JsonObject>;
  /** What could not be asked for: not there is no problem here, since `followDependencies` tells it. */
  readonly problems: readonly { readonly key: ObjectKey; readonly error: MeshbridgeError }[];
}

/** So many steps from object to object: a ServiceAccount names Secrets, and these name nothing. */
const MAX_DEPTH = 3;

/** Asks for each once, and for what these name in turn. Never rejects but by the signal. */
export async function fetchDependencies(
  client: ClusterClient,
  manifests: readonly JsonObject[],
  namespace: string,
  signal: AbortSignal,
): Promise<Fetched> {
  const objects = new Map<string, JsonObject>();
  const problems: { key: ObjectKey; error: MeshbridgeError }[] = [];
  const asked = new Set<string>();
  let from = manifests;
  for (let depth = 0; depth < MAX_DEPTH && from.length > 0; depth++) {
    const keys = missingReferences(from, manifests, namespace).filter((key) => !asked.has(keyText(key)));
    const answers = await Promise.all(
      keys.map(async (key) => {
        asked.add(keyText(key));
        return { key, answer: await client.get(key, signal) };
      }),
    );
    const found: JsonObject[] = [];
    for (const { key, answer } of answers) {
      if ("value" in answer) found.push(answer.value);
      else if (answer.status !== 404) problems.push({ key, error: answer.error });
    }
    for (const object of found) objects.set(keyText(keyOf(object)), object);
    from = found;
  }
  return { objects, problems };
}
