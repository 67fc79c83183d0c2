/** Which one of several replicas acts. Adapters' `writer-election.ts` and `writer-lease.ts` keep to the contract. */
import type { MeshbridgeError } from "../../kernel/errors.ts";

export type ElectionEvent =
  /** This replica acts. `epoch` is larger than that of all who acted before: what they have written is older. */
  | { readonly type: "leading"; readonly epoch: number }
  /** It does not, or cannot be sure that it does. */
  | { readonly type: "following"; readonly error?: MeshbridgeError };

export interface Election {
  /** For as long as it is iterated it stands for election. Ends with the signal, and gives up what it has, as far as that takes no longer than a second. */
  events(signal: AbortSignal): AsyncIterable<ElectionEvent>;
}
