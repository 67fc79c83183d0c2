/** Opens a link as the bridge would, until a marker has proven what it brings or something says why it does not work. */
import type { ResolvedRegistry } from "../../config/resolved.ts";
import type { Clock } from "../../kernel/clock.ts";
import { reasonOf } from "../../kernel/errors.ts";
import { silentLog } from "../../kernel/log.ts";
import type { RegistryEvent } from "../../registry/adapter.ts";

export interface LinkCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly services: number;
  readonly instances: number;
  readonly tookMs: number;
  /** Undefined: it works. */
  readonly problem: string | undefined;
}

export interface CheckContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly withinMs: number;
}

export type CheckedLink = ResolvedRegistry & { readonly baseDir: string };

/** Rejects only when the signal aborts. */
export async function checkLink(link: CheckedLink, { clock, signal, withinMs }: CheckContext): Promise<LinkCheck> {
  const { name, adapter, config, settings, baseDir } = link;
  const over = new AbortController();
  const startedAt = clock.monotonic();
  const counts = new Map<string, number>();
  const result = (problem: string | undefined): LinkCheck => ({
    ...{ name, ok: problem === undefined, services: counts.size, problem },
    instances: [...counts.values()].reduce((sum, count) => sum + count, 0),
    tookMs: Math.round(clock.monotonic() - startedAt),
  });
  const take = (event: RegistryEvent): LinkCheck | undefined => {
    if (event.type === "group") counts.set(event.group.source.scope, event.group.instances.length);
    if (event.type === "degraded") return result(event.error.message);
    return event.type === "synced" ? result(undefined) : undefined;
  };
  const follow = async (): Promise<LinkCheck> => {
    const until = AbortSignal.any([signal, over.signal]);
    const context = { name, settings, baseDir, signal: until, log: silentLog, clock, random: Math.random };
    for await (const event of adapter.watch({ ...config }, context)) {
      const found = take(event);
      if (found !== undefined) return found;
    }
    return result("it ended before it had said anything");
  };
  const deadline = clock
    .sleep(withinMs, AbortSignal.any([signal, over.signal]))
    .then(() => result(`no answer within ${withinMs} ms`));
  // Called off below, or by the signal, which the other one tells.
  deadline.catch(() => undefined);
  try {
    return await Promise.race([follow().catch((error: unknown) => result(reasonOf(error))), deadline]);
  } finally {
    over.abort(new Error("checked"));
  }
}
