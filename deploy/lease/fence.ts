/** A client whose writes are not sent by whoever no longer leads. */
import { fail } from "../../src/model/errors.ts";
import type { ClusterClient, KubeRefusal } from "../kube/types.ts";
import type { Leadership } from "./elect.ts";

/** Reads pass. A write is looked at right before it is sent; one that is not sent is a refusal without a status. */
export function fencedClient(client: ClusterClient, { valid, epoch }: Pick<Leadership, "valid" | "epoch">): ClusterClient {
  const guard = async <T>(write: () => Promise<T>): Promise<T | KubeRefusal> => {
    if (valid()) return await write();
    const error = fail("MB_DEPLOY_NOT_LEADING", { epoch: String(epoch) });
    return { error, status: undefined, reason: undefined, retryAfterMs: undefined, conflicts: [] };
  };
  return {
    ...client,
    apply: (manifest, options, signal) => guard(() => client.apply(manifest, options, signal)),
    create: (manifest, options, signal) => guard(() => client.create(manifest, options, signal)),
    replace: (manifest, options, signal) => guard(() => client.replace(manifest, options, signal)),
    patch: (key, patch, options, signal) => guard(() => client.patch(key, patch, options, signal)),
    remove: (key, options, signal) => guard(() => client.remove(key, options, signal)),
  };
}
