/** For tests: the adapter's loop over a model ZooKeeper, with time that stands still. */
import { fakeClock } from "../../src/kernel/fake-clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import { registrySettings } from "../../src/registry/testing.ts";
import { type ModelOptions, modelZooKeeper } from "./testing.ts";
import { plainFormat } from "./testing-format.ts";
import { watchRoots } from "./watch.ts";

/** One event as short text: `group web 10.0.0.1:80*1 authoritative`. */
function sketch(event: RegistryEvent): string {
  if (event.type === "recovered" || event.type === "parts") return event.type;
  if (event.type === "degraded") return `degraded ${event.error.code} ${event.retryInMs}`;
  const evidence = event.evidence.kind === "suspect" ? event.evidence.reason : event.evidence.kind;
  if (event.type === "synced") return `synced ${evidence}`;
  if (event.type === "gone") return `gone ${event.source.scope} ${evidence}`;
  const { source, instances } = event.group;
  const list = instances.map(({ address, ports, weight }) => `${address}:${Object.values(ports).join()}*${weight}`).sort();
  return ["group", source.scope, ...list, ...(event.rejected ?? []).map(({ record }) => `!${record}`), evidence].join(" ");
}

/** Runs over `/sd`; whatever is called `unmeant` is not meant. */
export function runModel(options: ModelOptions = {}) {
  const clock = fakeClock();
  const model = modelZooKeeper(options);
  const stop = new AbortController();
  const events: RegistryEvent[] = [];
  const answers = new Map<string, readonly string[] | Error>();
  const context = {
    ...{ name: "zk", settings: registrySettings(), baseDir: "/", signal: stop.signal, log: silentLog, clock },
    random: () => 0.5,
  };
  const run = (async () => {
    for await (const event of watchRoots({
      connect: model.connect,
      servers: [{ host: "zk", port: 2181 }],
      roots: [{ path: "/sd", format: plainFormat("/sd") }],
      isMeant: (name) => name !== "unmeant",
      providerSessionTimeoutMs: 60_000,
      lookup: async (host) => {
        const answer = answers.get(host) ?? new Error("SERVFAIL");
        if (answer instanceof Error) throw answer;
        return answer;
      },
      context,
    }))
      events.push(event);
  })();
  const ended = run.catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return {
    ...{ clock, model, answers },
    /** Every event since the start, or since `said` took them. */
    events,
    /** Takes what was said since the last call, as text. */
    said: () => events.splice(0).map(sketch),
    async end() {
      stop.abort(new Error("stop"));
      await ended;
    },
  };
}
