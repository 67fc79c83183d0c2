/**
 * The life of one link. A connection counts only from its first marker on; until then the one before goes on, so neither new
 * credentials nor another address cost an endpoint. A lost link says so once a try to come back has failed.
 */
import type { WatchResponse } from "../../src/gen/meshbridge/link/v1/link.ts";
import { createBackoff } from "../../src/kernel/backoff.ts";
import { MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import { fail } from "../../src/model/errors.ts";
import { AUTHORITATIVE } from "../../src/model/evidence.ts";
import type { RegistryEvent, WatchContext } from "../../src/registry/adapter.ts";
import { createSummary } from "../../src/registry/parts.ts";
import { openStream } from "./connection.ts";
import { type Copy, createCopy, type PartEvents } from "./copy.ts";
import { createMailbox } from "./mailbox.ts";
import type { LinkSettings } from "./schema.ts";
import { type LinkSpec, linkSpecs, type SpecUpdate } from "./spec.ts";
import { createStreamState, type StreamState } from "./state.ts";
import { askWitnesses, type Testimony } from "./witness.ts";

const BACKOFF = { baseMs: 500, maxMs: 10_000 };
/** How often witnesses are asked while the link is lost. */
const WITNESS_MS = 2000;
/** How long the instances of a link that its operator has removed drain before they go. */
export const DRAIN_MS = 10_000;

/** One connection, and what came over it. */
interface Run {
  readonly spec: LinkSpec;
  readonly state: StreamState;
  readonly stop: AbortController;
}

type Step =
  | { readonly type: "spec"; readonly update: SpecUpdate }
  | { readonly type: "message"; readonly run: Run; readonly message: WatchResponse }
  | { readonly type: "ended"; readonly run: Run; readonly error: unknown }
  | { readonly type: "retry" | "ask" | "drained" | "stopped" }
  | { readonly type: "testimony"; readonly testimony: Testimony };

type Timed = Extract<Step["type"], "retry" | "ask" | "drained">;

export async function* followLink(config: LinkSettings, context: WatchContext): AsyncGenerator<RegistryEvent> {
  const { clock, random, name, log } = context;
  const self = context.settings.cluster;
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const backoff = createBackoff({ ...BACKOFF, random });
  const summary = createSummary(clock);
  const mailbox = createMailbox<Step>();
  const timers = new Map<Timed, AbortController>();

  let spec: LinkSpec | undefined;
  let copy: Copy | undefined;
  let active: Run | undefined;
  let candidate: Run | undefined;
  /** Why the last try to come back failed; undefined while the link is up. */
  let lost: MeshbridgeError | undefined;
  /** What the witnesses said last; silent while none has been asked about this loss. */
  let heard: Testimony = "silent";
  let attempts = 0;

  const told = (all: readonly PartEvents[]) => all.flatMap(([part, events]) => summary.take(part, events));
  const end = (run: Run | undefined) => run?.stop.abort(new Error("replaced"));
  const cancel = (type: Timed) => {
    timers.get(type)?.abort();
    timers.delete(type);
  };
  const after = (ms: number, type: Timed) => {
    cancel(type);
    const off = new AbortController();
    timers.set(type, off);
    clock.sleep(ms, AbortSignal.any([signal, off.signal])).then(
      () => mailbox.send({ type }),
      // The only rejection of the sleep is being called off.
      () => undefined,
    );
  };
  const ask = (of: LinkSpec) => void askWitnesses(of, clock).then((testimony) => mailbox.send({ type: "testimony", testimony }));

  const start = (of: LinkSpec): Run => {
    const run: Run = { spec: of, state: createStreamState(), stop: new AbortController() };
    const address = of.servers[attempts++ % of.servers.length] ?? "";
    const until = AbortSignal.any([signal, run.stop.signal]);
    const pump = async () => {
      const messages = openStream(of, address, { registry: name, self, clock, signal: until });
      for await (const message of messages) await mailbox.send({ type: "message", run, message });
    };
    pump().catch((error: unknown) => mailbox.send({ type: "ended", run, error }));
    return run;
  };

  /** That the link is lost, of every origin behind it. Until a witness has said otherwise we may be the ones cut off. */
  const lossOf = (error: MeshbridgeError, testimony: Testimony, retryInMs?: number): readonly RegistryEvent[] => {
    const excused = spec !== undefined && spec.witnesses.length > 0 && testimony !== "unseen";
    const trouble = {
      type: "degraded" as const,
      error,
      ...(excused && { excused }),
      ...(retryInMs !== undefined && { retryInMs }),
    };
    return copy === undefined ? [trouble] : told([...copy.parts].map((part) => [part, [trouble]]));
  };

  const takeSpec = (update: SpecUpdate): readonly RegistryEvent[] => {
    if ("error" in update) {
      if (active === undefined) return lossOf(update.error, "silent");
      log.warn({ err: update.error }, "changed link cannot be used; the connection of before goes on");
      return [];
    }
    const before = spec;
    spec = update.spec;
    end(candidate);
    candidate = undefined;
    cancel("retry");
    cancel("drained");
    const events: RegistryEvent[] = [];
    if (copy === undefined || before?.peer !== spec.peer) {
      events.push(...told(copy?.remove() ?? []));
      for (const part of copy?.parts ?? []) summary.remove(part);
      copy = createCopy({ registry: name, self, peer: spec.peer });
      summary.expect(spec.peer);
    }
    if (!spec.removed) return events;
    end(active);
    active = undefined;
    lost = undefined;
    cancel("ask");
    after(DRAIN_MS, "drained");
    log.info({ peer: spec.peer }, "the link is removed by its operator; its instances drain, then leave");
    return [...events, ...told(copy.draining())];
  };

  const takeMessage = (run: Run, message: WatchResponse): readonly RegistryEvent[] => {
    if (run !== active && run !== candidate) return [];
    const marked = run.state.take(message);
    if (marked === undefined || copy === undefined) return [];
    if (run === candidate) {
      end(active);
      active = run;
      candidate = undefined;
      lost = undefined;
      cancel("ask");
      backoff.reset();
    }
    return told(copy.apply(marked));
  };

  const takeEnd = (run: Run, cause: unknown): readonly RegistryEvent[] => {
    if (run !== active && run !== candidate) return [];
    const details = { registry: name, address: run.spec.peer, reason: reasonOf(cause) };
    const error = cause instanceof MeshbridgeError ? cause : fail("MB_REGISTRY_BAD_REPLY", details, { cause });
    if (run === active) {
      // Streams end now and then by themselves: it is a loss only when the next try fails.
      active = undefined;
      log.info({ err: error, peer: run.spec.peer }, "the stream of the link has ended; it is opened anew");
      return [];
    }
    candidate = undefined;
    const retryInMs = backoff.next();
    after(retryInMs, "retry");
    if (active !== undefined) {
      log.warn({ err: error, retryInMs }, "the changed link cannot be opened; the connection of before goes on");
      return [];
    }
    if (lost === undefined && run.spec.witnesses.length > 0) ask(run.spec);
    if (lost === undefined) heard = "silent";
    lost = error;
    // A try that fails once more is no news of the witnesses.
    return lossOf(error, heard, retryInMs);
  };

  const takeTestimony = (testimony: Testimony): readonly RegistryEvent[] => {
    if (spec === undefined || lost === undefined) return [];
    after(WITNESS_MS, "ask");
    heard = testimony;
    const details = { registry: name, peer: spec.peer, testimony: TESTIMONIES[testimony], reason: reasonOf(lost) };
    return lossOf(fail("MB_LINK_LOST", details, { cause: lost }), testimony);
  };

  const takeDrained = (): readonly RegistryEvent[] => {
    const parts = [...(copy?.parts ?? [])];
    const current = parts.map((part): PartEvents => [part, [{ type: "synced", evidence: AUTHORITATIVE }]]);
    return [...told(copy?.remove() ?? []), ...told(current)];
  };

  const take = (step: Step): readonly RegistryEvent[] => {
    switch (step.type) {
      case "spec":
        return takeSpec(step.update);
      case "message":
        try {
          return takeMessage(step.run, step.message);
        } catch (error) {
          // A marker that does not agree with what came: the stream is worth nothing any more.
          end(step.run);
          return takeEnd(step.run, error);
        }
      case "ended":
        return takeEnd(step.run, step.error);
      case "testimony":
        return takeTestimony(step.testimony);
      case "drained":
        return takeDrained();
      case "ask":
        if (spec !== undefined && lost !== undefined) ask(spec);
        return [];
      default:
        return [];
    }
  };

  const followSpecs = async () => {
    for await (const update of linkSpecs(config, { ...context, signal })) await mailbox.send({ type: "spec", update });
  };
  followSpecs().catch((error: unknown) => mailbox.send({ type: "spec", update: { error: toInvalid(error, name) } }));
  signal.addEventListener("abort", () => void mailbox.send({ type: "stopped" }), { once: true });
  try {
    while (!signal.aborted) {
      const step = await mailbox.next();
      if (step.type === "retry") cancel("retry");
      yield* take(step);
      const wanted = spec !== undefined && !spec.removed && active?.spec !== spec;
      if (wanted && candidate === undefined && !timers.has("retry") && spec !== undefined) candidate = start(spec);
    }
  } finally {
    stop.abort(new Error("stopped"));
  }
}

const TESTIMONIES: Readonly<Record<Testimony, string>> = {
  seen: "a witness still sees it, so that it does not age",
  unseen: "no witness sees it either",
  silent: "no witness answers, so that it may be we who are cut off and it does not age",
};

function toInvalid(error: unknown, registry: string): MeshbridgeError {
  return fail("MB_LINK_INVALID", { registry, origin: "its files", reason: reasonOf(error) }, { cause: error });
}
