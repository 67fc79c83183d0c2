/**
 * The loop of one datacentre (and namespace): three blocking queries tell that something changed, then only the services
 * concerned are read. The load on Consul is bounded by the feeds' rates and by agenda.ts, whatever the index does.
 */
import { parseDuration } from "../../src/kernel/duration.ts";
import type { RegistryEvent, WatchContext } from "../../src/registry/adapter.ts";
import { evidenceOf } from "./doubt.ts";
import { createFeed, type Feed, type FeedAnswer } from "./feed.ts";
import { type PartOptions, queryOf, unusable } from "./part.ts";
import { createPulse, type PulseAnswer } from "./pulse.ts";
import { createReader } from "./reader.ts";
import { FEEDS, type FeedName } from "./view.ts";

/** Ms between two requests of a feed on the long run: together about two requests a second. Nodes hardly change. */
const INTERVALS: Readonly<Record<FeedName, number>> = { catalog: 1000, checks: 1000, nodes: 5000 };
const PATHS: Readonly<Record<FeedName, string>> = {
  catalog: "/catalog/services",
  checks: "/health/state/any",
  nodes: "/catalog/nodes",
};

/** What a feed answered, a beat of the pulse, or that it is time to look at the agenda. */
type Step = { readonly feed: FeedName; readonly answer: FeedAnswer } | { readonly pulse: PulseAnswer } | "time";

/** Who can be in trouble. */
type Voice = FeedName | "services" | "pulse";

/** Batches of events. `synced` comes whenever all is known to be current, which can be several times a second. */
export async function* watchPart(options: PartOptions): AsyncGenerator<readonly RegistryEvent[]> {
  const { context, config } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const { feeds, restartAll } = createFeeds(options, signal);
  const reader = createReader(options, signal);
  const failing = new Map<Voice, RegistryEvent>();
  const pulse = createPulse({
    ...{ client: options.client, datacenter: options.part.datacenter, clock: context.clock, random: context.random, signal },
    isNeeded: () => failing.size === 0 || failing.has("pulse"),
  });
  const pending = new Map<FeedName | "pulse", Promise<Step>>();
  const maxStalenessMs = parseDuration(config.maxStaleness ?? "10s") ?? 10_000;

  const take = (feed: FeedName, answer: FeedAnswer): readonly RegistryEvent[] => {
    if ("error" in answer) return tell(failing, feed, { type: "degraded", ...answer });
    const { reply, moved, wentBack } = answer;
    const evidence = evidenceOf(reply, maxStalenessMs);
    const { reset, events } = reader.view.takeReply(feed, reply.body, { evidence, moved, wentBack });
    if (events === undefined) return tell(failing, feed, { type: "degraded", error: unusable(options, PATHS[feed]) });
    const recovered = failing.delete(feed);
    if (reset || recovered) restartAll(reset ? FEEDS : failing.keys(), feed);
    return events;
  };
  const beat = (answer: PulseAnswer): readonly RegistryEvent[] => {
    if (answer !== "alive") return tell(failing, "pulse", { type: "degraded", ...answer });
    // What waits since before the silence may wait for ever on a connection that is none any more.
    if (failing.delete("pulse")) restartAll(FEEDS);
    return [];
  };

  try {
    while (!signal.aborted) {
      if (!pending.has("pulse"))
        pending.set(
          "pulse",
          pulse().then((answer) => ({ pulse: answer })),
        );
      for (const [name, feed] of feeds)
        if (!pending.has(name))
          pending.set(
            name,
            feed.next().then((answer) => ({ feed: name, answer })),
          );
      const step = await firstOf(pending.values(), reader.dueInMs(), context, signal);
      if (step !== "time") {
        pending.delete("pulse" in step ? "pulse" : step.feed);
        const events = "pulse" in step ? beat(step.pulse) : take(step.feed, step.answer);
        if (events.length > 0) yield events;
      }
      const read = await reader.read();
      if (read.failure === undefined) failing.delete("services");
      if (read.wentBack) restartAll(FEEDS);
      const events: RegistryEvent[] = [...read.events, ...(read.failure ? tell(failing, "services", read.failure) : [])];
      if (failing.size === 0 && reader.current) events.push({ type: "synced", evidence: reader.view.evidence });
      if (events.length > 0) yield events;
      if (failing.size === 0 && reader.current) reader.view.complete();
    }
  } finally {
    stop.abort();
  }
}

/** Of several troubles at once the first one speaks, until it is over. */
function tell(failing: Map<Voice, RegistryEvent>, who: Voice, event: RegistryEvent): readonly RegistryEvent[] {
  const [speaker = who] = failing.keys();
  failing.set(who, event);
  return speaker === who ? [event] : [];
}

async function firstOf(
  pending: Iterable<Promise<Step>>,
  dueInMs: number | undefined,
  { clock }: WatchContext,
  signal: AbortSignal,
): Promise<Step> {
  if (dueInMs === undefined) return Promise.race(pending);
  const enough = new AbortController();
  // A rejection only says that the timer is no longer needed: the race is over, or the signal ends the loop.
  const timer = clock.sleep(dueInMs, AbortSignal.any([signal, enough.signal])).then(
    (): Step => "time",
    (): Step => "time",
  );
  try {
    return await Promise.race([...pending, timer]);
  } finally {
    enough.abort();
  }
}

function createFeeds(options: PartOptions, signal: AbortSignal) {
  const { client, config, context } = options;
  const waitMs = parseDuration(config.wait ?? "1m") ?? 60_000;
  const make = (name: FeedName): [FeedName, Feed] => {
    const where = { path: PATHS[name], query: queryOf(options, name !== "nodes") };
    const { clock, random } = context;
    const limits = { waitMs, intervalMs: INTERVALS[name], clock, random, signal };
    return [name, createFeed({ client, ...where, ...limits })];
  };
  const feeds = new Map(FEEDS.map(make));
  const restartAll = (names: Iterable<Voice>, but?: FeedName) => {
    for (const name of names) if (name !== but && name !== "services" && name !== "pulse") feeds.get(name)?.restart();
  };
  return { feeds, restartAll };
}
