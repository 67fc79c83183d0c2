/** Many senders, one reader: each sender waits until what it sent is taken, so as much waits here as there are senders. */
export interface Mailbox<T> {
  /** Resolves when the reader has taken it; never rejects. */
  send(value: T): Promise<void>;
  /** The oldest value that waits, once there is one. One reader at a time. */
  next(): Promise<T>;
}

export function createMailbox<T>(): Mailbox<T> {
  const waiting: { readonly value: T; taken(): void }[] = [];
  let wake: () => void = () => undefined;
  return {
    send: (value) =>
      new Promise((resolve) => {
        waiting.push({ value, taken: resolve });
        wake();
      }),
    async next() {
      for (;;) {
        const first = waiting.shift();
        if (first !== undefined) {
          first.taken();
          return first.value;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
