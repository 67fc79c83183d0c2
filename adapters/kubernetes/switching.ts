/** A stream that each item of another stream begins anew. */

/**
 * For each item of `source` what `make` gives, until the next item: then `make`'s signal is aborted and its stream left.
 * Ends when the source has ended and the last stream too; throws what either throws.
 */
export async function* switching<T, R>(
  source: AsyncGenerator<T, void, undefined>,
  make: (item: T, signal: AbortSignal) => AsyncGenerator<R, void, undefined>,
): AsyncGenerator<R, void, undefined> {
  let stop = new AbortController();
  let inner: AsyncGenerator<R, void, undefined> | undefined;
  let outerNext: Promise<Step<T, R>> | undefined = outerStep(source);
  let innerNext: Promise<Step<T, R>> | undefined;
  try {
    while (outerNext !== undefined || innerNext !== undefined) {
      const step: Step<T, R> = await Promise.race([outerNext, innerNext].filter((next) => next !== undefined));
      if (step.of === "outer") {
        outerNext = step.result.done ? undefined : outerStep(source);
        if (step.result.done) continue;
        leave(stop, innerNext);
        stop = new AbortController();
        inner = make(step.result.value, stop.signal);
        innerNext = innerStep(inner);
      } else if (step.result.done || inner === undefined) innerNext = undefined;
      else {
        innerNext = innerStep(inner);
        yield step.result.value;
      }
    }
  } finally {
    leave(stop, innerNext);
    outerNext?.catch(() => undefined);
  }
}

type Step<T, R> =
  | { readonly of: "outer"; readonly result: IteratorResult<T, void> }
  | { readonly of: "inner"; readonly result: IteratorResult<R, void> };

async function outerStep<T, R>(source: AsyncGenerator<T, void, undefined>): Promise<Step<T, R>> {
  return { of: "outer", result: await source.next() };
}

async function innerStep<T, R>(inner: AsyncGenerator<R, void, undefined>): Promise<Step<T, R>> {
  return { of: "inner", result: await inner.next() };
}

/** It ends with its own abort, at which nobody looks any more. */
function leave(stop: AbortController, pending: Promise<unknown> | undefined): void {
  stop.abort(new Error("replaced"));
  pending?.catch(() => undefined);
}
