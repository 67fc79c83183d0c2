/** The Pod scope: from readiness to registrations in every target, and an orderly end. */
import { createBell } from "../../kernel/bell.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Readiness } from "../readiness/watch.ts";
import type { Registration } from "../registration.ts";
import type { ServiceSettings } from "../settings/schema.ts";
import type { Target } from "../target.ts";
import { ABSENT, nextOffer, type Offer } from "./lifecycle.ts";

export interface PodSyncOptions {
  readonly services: readonly ServiceSettings[];
  readonly targets: ReadonlyMap<string, Target>;
  /** What a service becomes; called once for each change of traffic. */
  register(service: ServiceSettings, traffic: "in" | "out"): Registration;
  readonly drainMs: number;
  readonly readiness: AsyncIterable<Readiness>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** `registered` has changed. */
  onRegistered?(registered: boolean): void;
}

export interface DrainReport {
  /** True: everything was removed everywhere; false: some registry could not be told, and its lease has to run out. */
  readonly complete: boolean;
  readonly tookMs: number;
}

export interface PodSync {
  readonly offer: Offer["type"];
  readonly readiness: Readiness;
  readonly leaving: boolean;
  /** It is offered, and was seen in every registry since it is: a registry that is lost later does not change that. */
  readonly registered: boolean;
  /** Takes everything out, waits the drain time, removes; resolves at the end of it. Asked again, it is the same end. */
  drain(): Promise<DrainReport>;
  /** To be called when a target's state has changed. */
  targetChanged(): void;
  /** Ends with the signal. Never rejects. */
  readonly ended: Promise<void>;
}

/** How much longer than the drain time a registry may take to be told. */
const GRACE_MS = 5000;

export function startPodSync(options: PodSyncOptions): PodSync {
  const { services, targets, register, drainMs, clock, log, signal } = options;
  const bell = createBell(clock);
  let readiness: Readiness = { ready: false, known: false, reason: "not looked at yet" };
  let offer: Offer = ABSENT;
  let leaving: Promise<DrainReport> | undefined;
  let finished: ((report: DrainReport) => void) | undefined;
  let leftAt = 0;
  let looked = false;
  let registered = false;

  const tell = () => {
    const traffic = offer.type === "offered" ? "in" : "out";
    for (const [name, target] of targets) {
      const mine = services.filter((service) => service.targets?.includes(name) ?? true);
      const registrations = offer.type === "absent" ? [] : mine.map((service) => register(service, traffic));
      // Before the first verdict nothing is known: what an earlier process has left may well be right.
      target.wish({ synced: looked || leaving !== undefined, registrations });
    }
  };
  const look = async () => {
    for await (const next of options.readiness) {
      readiness = next;
      log.info({ ready: next.ready, reason: next.reason }, "readiness of the workload");
      bell.ring();
    }
  };
  const finish = (now: number, complete: boolean) => {
    if (finished === undefined || offer.type !== "absent") return;
    const tookMs = Math.round(now - leftAt);
    if (!complete && tookMs < drainMs + GRACE_MS) return;
    log.info({ complete, tookMs }, complete ? "drained" : "drained as far as the registries could be reached");
    finished({ complete, tookMs });
    finished = undefined;
  };
  const work = async () => {
    while (!signal.aborted) {
      const now = clock.monotonic();
      const next = nextOffer(offer, { ready: readiness.ready, leaving: leaving !== undefined }, now, drainMs);
      const first = !looked && readiness.known;
      looked ||= first;
      if (first || next.type !== offer.type) {
        offer = next;
        tell();
      }
      const states = [...targets.values()].map(({ state }) => state);
      const is = offer.type === "offered" && (registered || states.every(({ complete }) => complete));
      if (is !== registered) {
        registered = is;
        options.onRegistered?.(is);
      }
      finish(
        now,
        states.every(({ settled }) => settled),
      );
      const dueMs = offer.type === "taken-out" ? offer.until - now : finished === undefined ? 60_000 : 100;
      // Its only rejection is the abort, which the loop sees.
      await bell.wait(Math.max(1, dueMs), signal).catch(() => undefined);
    }
  };
  const ended = Promise.all([look(), work()]).then(() => undefined);

  return {
    get offer() {
      return offer.type;
    },
    get readiness() {
      return readiness;
    },
    get registered() {
      return registered;
    },
    get leaving() {
      return leaving !== undefined;
    },
    drain() {
      if (leaving === undefined) {
        leftAt = clock.monotonic();
        log.info({ drainMs }, "draining");
        leaving = new Promise((resolve) => {
          finished = resolve;
        });
        if (offer.type === "absent") tell();
        bell.ring();
      }
      return leaving;
    },
    targetChanged: () => bell.ring(),
    ended,
  };
}
