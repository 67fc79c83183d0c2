/**
 * A ring of two-way syncs, A ↔ B ↔ C ↔ A, each carrying on what others brought: whatever happens and in whatever order, every
 * place holds in the end what is native anywhere, once, and nothing of what is no more.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Group } from "../../model/group.ts";
import { contractGroup } from "../../registry/testing.ts";
import { plan } from "../plan/plan.ts";
import type { FoundRecord, Owner, WantedRecord } from "../plan/record.ts";
import { type ModelRegistry, modelRegistry } from "../plan/testing-registry.ts";
import { type MirrorRule, registrationsOf, withoutDoubles } from "./mirror.ts";

const PLACES = ["a", "b", "c"] as const;
const RULE: MirrorRule = { services: ["*/*"], name: "{name}", port: undefined, imports: "forward" };

/** What is native has no owner and no origin; what was brought says so in its content. */
interface Content {
  readonly address: string;
  readonly owner: string;
  readonly origin: readonly string[];
}

interface Sync {
  readonly from: string;
  readonly to: string;
  readonly owner: Owner;
}

const SYNCS: readonly Sync[] = PLACES.flatMap((from) =>
  PLACES.filter((to) => to !== from).map((to) => ({
    from,
    to,
    owner: { cluster: `${from}-${to}`, instance: "sync/sync", epoch: 1 },
  })),
);

function groupOf(registry: ModelRegistry, place: string): Group {
  const contents = [...registry.records.values()].map(({ content }) => JSON.parse(content) as Content);
  const base = contractGroup(
    "web",
    contents.map(({ address }) => ({ address, port: 80 })),
    { registry: place, scope: "web", cluster: place },
  );
  const labelsOf = ({ owner, origin }: Content): Record<string, string> =>
    owner === "" ? {} : { "meshbridge-owner": owner, "meshbridge-origin": origin.join(",") };
  return { ...base, instances: base.instances.map((one, at) => ({ ...one, labels: labelsOf(contents[at] as Content) })) };
}

/** `shared`: syncs find each other's record under its key, as in one ZooKeeper; otherwise each has keys of its own. */
function world(shared: boolean) {
  const registries = new Map(PLACES.map((place) => [place as string, modelRegistry(place)]));
  const at = (place: string) => registries.get(place) as ModelRegistry;
  const native = (address: string): FoundRecord => {
    const content = JSON.stringify({ address, owner: "", origin: [] });
    return { key: `web-${address}-80`, service: "web", traffic: "in", content, owner: undefined };
  };
  return {
    at,
    add(place: string, address: string) {
      const record = native(address);
      // A workload registers itself whatever a sync has put there under its name.
      at(place).records.set(record.key, record);
    },
    drop(place: string, address: string) {
      const { key } = native(address);
      if (at(place).records.get(key)?.owner === undefined) at(place).records.delete(key);
    },
    /** One round; returns how much it changed. */
    sync({ from, to, owner }: Sync): number {
      const registrations = registrationsOf([groupOf(at(from), from)], RULE, from);
      const wanted = withoutDoubles(registrations, [groupOf(at(to), to)], owner).map(
        ({ id, service, address, traffic, origin }): WantedRecord => ({
          ...{ key: shared ? `${service}-${id}` : `${owner.cluster} ${service}-${id}`, service, traffic, origin },
          content: JSON.stringify({ address, owner: `${owner.cluster}/${owner.instance}`, origin }),
        }),
      );
      const { changes } = plan({ synced: true, records: wanted }, at(to).observe(), owner);
      for (const change of changes) at(to).apply(change, owner);
      return changes.length;
    },
  };
}

const address = fc.integer({ min: 1, max: 6 }).map((last) => `10.0.0.${last}`);
const place = fc.constantFrom(...PLACES);
const step = fc.oneof(
  fc.record({ type: fc.constant("add" as const), place, address }),
  fc.record({ type: fc.constant("drop" as const), place, address }),
  fc.record({ type: fc.constant("sync" as const), sync: fc.constantFrom(...SYNCS) }),
  fc.record({ type: fc.constant("wipe" as const), place }),
);

for (const shared of [true, false])
  test(`a ring of two-way syncs converges, and does not grow: ${shared ? "keys in common" : "keys of their own"}`, () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.shuffledSubarray([...SYNCS], { minLength: SYNCS.length }),
        (steps, order) => {
          const { at, add, drop, sync } = world(shared);
          const natives = new Map<string, Set<string>>(PLACES.map((one) => [one, new Set()]));
          for (const one of steps) {
            if (one.type === "sync") sync(one.sync);
            else if (one.type === "add") {
              add(one.place, one.address);
              natives.get(one.place)?.add(one.address);
            } else if (one.type === "drop") {
              drop(one.place, one.address);
              natives.get(one.place)?.delete(one.address);
            } else {
              // It comes back empty, and its workloads register again.
              at(one.place).records.clear();
              for (const each of natives.get(one.place) ?? []) add(one.place, each);
            }
            for (const each of PLACES) assert.ok(at(each).records.size <= (shared ? 6 : 18), "an instance is there twice");
          }
          let rounds = 0;
          while (order.reduce((sum, one) => sum + sync(one), 0) > 0) assert.ok(++rounds < 12, "it does not come to rest");
          const everywhere = [...new Set([...natives.values()].flatMap((one) => [...one]))].sort();
          for (const each of PLACES)
            assert.deepEqual(
              [...at(each).records.values()].map(({ content }) => (JSON.parse(content) as Content).address).sort(),
              everywhere,
              each,
            );
        },
      ),
      { numRuns: 3000 },
    );
  });
