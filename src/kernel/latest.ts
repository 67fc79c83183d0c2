/**
 * The bounded queue of the whole project: one slot, latest wins. A slow reader gets the newest value, never a backlog.
 */
export interface Latest<T> extends AsyncIterable<T> {
  /** Replaces what the reader has not taken yet. Ignored after `close`. */
  push(value: T): void;
  /** Ends the iteration after the value in the slot, if any, has been taken. */
  close(): void;
}

/** One producer side, one reader. `merge` folds an untaken value into the newer one; by default the newer one wins. */
export function createLatest<T>(merge: (waiting: T, next: T) => T = (_, next) => next): Latest<T> {
  let slot: { readonly value: T } | undefined;
  let closed = false;
  let wake: (() => void) | undefined;
  const signalReader = () => {
    wake?.();
    wake = undefined;
  };
  return {
    push(value) {
      if (closed) return;
      slot = { value: slot === undefined ? value : merge(slot.value, value) };
      signalReader();
    },
    close() {
      closed = true;
      signalReader();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        if (slot !== undefined) {
          const { value } = slot;
          slot = undefined;
          yield value;
        } else if (closed) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}
