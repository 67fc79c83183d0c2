/** A headless Service's Pods by name, as cluster DNS names them: `<hostname>.<service>`. */
import { compareText } from "../../../src/kernel/compare.ts";
import type { Group } from "../../../src/model/group.ts";
import type { Instance } from "../../../src/model/instance.ts";
import type { Copy } from "./types.ts";

/**
 * One group for each hostname, or name of a Pod without one, sorted; endpoints with neither have none. Pods that share a
 * hostname share a group. `whole` gives everything but name and instances.
 */
export function podGroups(whole: Group, instances: ReadonlyMap<Copy, Instance>): readonly Group[] {
  const byName = new Map<string, Instance[]>();
  for (const [{ endpoint }, instance] of instances) {
    const name = endpoint.hostname ?? endpoint.podName;
    if (name === undefined) continue;
    const known = byName.get(name);
    if (known === undefined) byName.set(name, [instance]);
    else known.push(instance);
  }
  return [...byName]
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, ofPod]) => ({
      ...whole,
      source: { ...whole.source, scope: `${whole.source.scope}/${name}` },
      service: { ...whole.service, name: `${name}.${whole.service.name}` },
      instances: ofPod,
    }));
}
