/** Lines of a stream, and the silence between them. */
import type { Clock } from "../kernel/clock.ts";

export const SILENT = Symbol("silent");

interface SilenceOptions {
  readonly clock: Clock;
  readonly silenceMs: number;
  /** Aborted when the reader leaves: a generator that waits for its next line could not be ended otherwise. */
  readonly stop: AbortController;
}

/** Yields every line, and SILENT whenever none came for `silenceMs`. Ends and throws as `lines` does. */
export async function* withSilence(
  lines: AsyncIterable<unknown>,
  { clock, silenceMs, stop }: SilenceOptions,
): AsyncGenerator<unknown> {
  const iterator = lines[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const timer = new AbortController();
      // The only rejection of the sleep is its abort, when a line came first.
      const silence = clock.sleep(silenceMs, timer.signal).then(
        () => SILENT,
        () => SILENT,
      );
      const first = await Promise.race([next, silence]).finally(() => timer.abort());
      if (first === SILENT) yield SILENT;
      else {
        const result = first as IteratorResult<unknown>;
        if (result.done) return;
        yield result.value;
        next = iterator.next();
      }
    }
  } finally {
    // What is still awaited ends with the stream; nobody looks at it any more.
    next.catch(() => undefined);
    stop.abort();
    await iterator.return?.();
  }
}
