/** Small helpers around promises that every loop needs. */

/**
 * A signal that aborts when `signal` does or when `ms` have passed; its timer never keeps the process alive.
 * @public For adapters: adapters/README.md shows it.
 */
export function withTimeout(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

/** Runs `work` over the items, at most `limit` at a time. Rejects with the first error, after which none is started. */
export async function forEachLimited<T>(items: Iterable<T>, limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failed = false;
  const worker = async () => {
    for (let step = iterator.next(); !step.done && !failed; step = iterator.next()) {
      try {
        await work(step.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
