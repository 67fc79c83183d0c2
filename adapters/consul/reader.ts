/** Reads the services that are due, and keeps what is known of one part of Consul. */
import { createBackoff } from "../../src/kernel/backoff.ts";
import { parseDuration } from "../../src/kernel/duration.ts";
import { forEachLimited } from "../../src/kernel/promises.ts";
import { AUTHORITATIVE } from "../../src/model/evidence.ts";
import type { RegistryEvent } from "../../src/registry/adapter.ts";
import { createAgenda } from "./agenda.ts";
import type { Answer } from "./client.ts";
import { evidenceOf } from "./doubt.ts";
import { PLAIN_TIMEOUT_MS, RETRY } from "./feed.ts";
import { type PartOptions, queryOf, unusable } from "./part.ts";
import { isReadable, selectServices } from "./selection.ts";
import { createServiceIndexes } from "./service-indexes.ts";
import { type TranslateOptions, type Translation, translate } from "./translate.ts";
import { createView, type View } from "./view.ts";

/** How many services of a part are read at once. */
export const PARALLEL_READS = 8;

export interface ReadResult {
  readonly events: readonly RegistryEvent[];
  /** A `degraded` event: what could not be read stays due, and nothing is read before it is over. */
  readonly failure: RegistryEvent | undefined;
  /** A service's index went back: the feeds must answer anew before anything else is believed. */
  readonly wentBack: boolean;
}

export interface Reader {
  readonly view: View;
  /** Everything that is known to have changed has been read. */
  readonly current: boolean;
  /** When `read` may have something to do; undefined: not before a feed has answered. */
  dueInMs(): number | undefined;
  /** Reads what is due. Rejects with the signal's reason alone. */
  read(): Promise<ReadResult>;
}

type Failure = Extract<Answer, { error: unknown }>;

export function createReader(options: PartOptions, signal: AbortSignal): Reader {
  const { config, context, client } = options;
  const agenda = createAgenda({ secondLook: (config.consistency ?? "stale") === "stale" });
  const view = createView({ agenda, select: (all) => selectServices(all, config), datacenter: options.part.datacenter });
  const backoff = createBackoff({ ...RETRY, random: context.random });
  const query = { ...queryOf(options, true), ...(config.filter !== undefined && { filter: config.filter }) };
  const maxStalenessMs = parseDuration(config.maxStaleness ?? "10s") ?? 10_000;
  const now = () => context.clock.monotonic();
  const indexes = createServiceIndexes();
  let wentBack = false;
  let restUntil = 0;
  let failed = false;

  const conclude = (name: string, read: Translation, answer: Parameters<typeof evidenceOf>[0] | undefined) => {
    const event = view.takeService(name, read, answer === undefined ? AUTHORITATIVE : evidenceOf(answer, maxStalenessMs));
    // No rows of a service that the catalog knows may come from a server that lags: not what was looked for.
    agenda.done(name, event !== undefined && read.nodes.size > 0, now());
    return event;
  };

  const readOne = async (name: string, datacenter: string): Promise<RegistryEvent | undefined | Failure> => {
    const translation = translateOptions(options, { name, datacenter, knownPorts: view.portsOf(name) });
    if (!isReadable(name)) return conclude(name, unreadable(translation), undefined);
    const path = `/health/service/${name}`;
    const answer = await client.get(path, query, { timeoutMs: PLAIN_TIMEOUT_MS, signal });
    if ("error" in answer) return answer;
    const age = indexes.judge(name, answer.reply.index);
    if (age !== "taken") {
      agenda.failed(name);
      if (age === "went-back") wentBack = true;
      return undefined;
    }
    const read = translate(answer.reply.body, translation);
    if (read === undefined) return { error: unusable(options, path), retryAfterMs: undefined };
    return conclude(name, read, answer.reply);
  };

  /** All that was begun is ended before this returns, so that nothing read is lost. */
  const readAll = async (names: readonly string[], datacenter: string) => {
    const events: RegistryEvent[] = [];
    let failure: Failure | undefined;
    await forEachLimited(names, PARALLEL_READS, async (name) => {
      const result = failure === undefined ? await readOne(name, datacenter) : failure;
      if (result === undefined) return;
      if ("type" in result) events.push(result);
      else {
        failure ??= result;
        agenda.failed(name);
      }
    });
    return { events, failure };
  };

  const rest = ({ error, retryAfterMs }: Failure): RegistryEvent => {
    const retryInMs = Math.max(backoff.next(), retryAfterMs ?? 0);
    restUntil = now() + retryInMs;
    return { type: "degraded", error, retryInMs };
  };

  return {
    view,
    get current() {
      if (!view.ready || failed) return false;
      return view.datacenter === undefined || (agenda.idle && !(view.regressed && agenda.waiting));
    },
    dueInMs() {
      const at = view.ready && view.datacenter !== undefined ? agenda.dueAt(now()) : undefined;
      return at === undefined ? undefined : Math.max(0, Math.max(at, restUntil) - now());
    },
    async read() {
      const { datacenter } = view;
      if (!view.ready || datacenter === undefined || now() < restUntil)
        return { events: [], failure: undefined, wentBack: false };
      const { events, failure } = await readAll(agenda.take(view.services(), now()), datacenter);
      agenda.settle(now());
      failed = failure !== undefined;
      if (wentBack) {
        wentBack = false;
        view.regress();
        return { events, failure: undefined, wentBack: true };
      }
      if (failure !== undefined) return { events, failure: rest(failure), wentBack: false };
      backoff.reset();
      return { events, failure: undefined, wentBack: false };
    },
  };
}

interface Subject {
  readonly name: string;
  readonly datacenter: string;
  readonly knownPorts: TranslateOptions["knownPorts"];
}

/** The scope tells apart what has the same name in several datacentres or namespaces. */
function translateOptions({ part, config, context }: PartOptions, { name, datacenter, knownPorts }: Subject): TranslateOptions {
  const { consulNamespace } = part;
  const scope = [datacenter, ...(consulNamespace === undefined ? [] : [consulNamespace]), name].join("/");
  return {
    source: { registry: context.name, scope },
    service: { namespace: consulNamespace ?? context.settings.namespace, name },
    datacenter,
    settings: context.settings,
    tags: config.tags ?? [],
    defaultProtocol: config.defaultProtocol ?? "http",
    warning: config.warning ?? "degraded",
    knownPorts,
  };
}

/** A service whose name cannot be asked for: shown as rejected, so that somebody notices. */
function unreadable({ source, service }: TranslateOptions): Translation {
  const rejected = [
    { record: source.scope, reason: "its name cannot be used: only letters, digits, dot, dash and underscore can" },
  ];
  return { group: { source, service, ports: [], labels: {}, instances: [] }, rejected, nodes: new Set() };
}
