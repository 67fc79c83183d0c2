/** Whatever happens to an API server and the way to it, what is known ends as what it holds, and nothing is lost before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fakeClock } from "../kernel/fake-clock.ts";
import { propertyRuns } from "../kernel/property-runs.ts";
import { reflect } from "./reflector.ts";
import { createModelApi, type ModelApi, type ModelObject } from "./testing.ts";

const PATH = "/api/v1/services";
const NAMES = ["a", "b", "c", "d"];

type Step = (api: ModelApi) => void;
const put =
  (name: string, value: number): Step =>
  (api) =>
    api.put(PATH, { metadata: { namespace: "shop", name }, value });
const STEPS: readonly fc.Arbitrary<readonly [string, Step]>[] = [
  fc.tuple(fc.constantFrom(...NAMES), fc.nat(3)).map(([name, value]) => [`put ${name} ${value}`, put(name, value)]),
  fc.constantFrom(...NAMES).map((name) => [`remove ${name}`, (api) => api.remove(PATH, "shop", name)]),
  fc.constant(["break", (api: ModelApi) => api.breakWatches()]),
  fc.constant(["compact", (api: ModelApi) => api.compact()]),
  fc.constant(["lose", (api: ModelApi) => api.loseWatches()]),
  fc.constant(["bookmark", (api: ModelApi) => api.bookmark()]),
  fc.constant(["repeat", (api: ModelApi) => api.repeatLast()]),
  fc
    .constantFrom(401, 403, 410, 429, 500, 503, undefined)
    .map((status) => [`refuse ${status}`, (api) => api.refuseWith({ status, reason: "fault" })]),
  fc.constant(["heal", (api: ModelApi) => api.refuseWith(undefined)]),
  fc.constant(["hang", (api: ModelApi) => api.hang(true)]),
  fc.constant(["answer", (api: ModelApi) => api.hang(false)]),
];

const history = fc.array(fc.tuple(fc.oneof(...STEPS), fc.constantFrom(0, 0, 10, 1000, 20_000)), { maxLength: 25 });

test("after any history the store is the server's, and only what was removed there is ever taken away", async () => {
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.constantFrom(1, 2, 100),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      async (steps, pageSize, random) => {
        const clock = fakeClock();
        const api = createModelApi(pageSize, clock);
        for (const name of NAMES.slice(0, 2)) put(name, 0)(api);
        const stop = new AbortController();
        const known = new Map<string, unknown>();
        const removed = new Set<string>();
        const keep = (raw: unknown) => ({ value: (raw as ModelObject)["value"] });
        const options = { api, path: PATH, query: {}, keep, clock, random: () => random, signal: stop.signal };
        const run = (async () => {
          for await (const delta of reflect(options))
            for (const [key, item] of "changes" in delta ? delta.changes : []) {
              if (item !== undefined) known.set(key, item.value);
              else {
                assert.ok(removed.has(key), `${key} was taken away`);
                known.delete(key);
              }
            }
        })();
        for (const [[name, step], ms] of steps) {
          if (name.startsWith("remove ")) removed.add(`shop/${name.slice(7)}`);
          step(api);
          await clock.advance(ms);
        }
        api.refuseWith(undefined);
        api.hang(false);
        // Longer than the longest of waits, and than a watch that was lost is waited for.
        await clock.advance(340_000);
        assert.deepEqual(
          [...known].sort(),
          api
            .objects(PATH)
            .map(({ metadata, value }) => [`shop/${metadata.name}`, value])
            .sort(),
        );
        stop.abort(new Error("end"));
        await clock.advance(0);
        await run.catch((error: unknown) => assert.equal(error, stop.signal.reason));
      },
    ),
    { numRuns: propertyRuns(15) },
  );
});
