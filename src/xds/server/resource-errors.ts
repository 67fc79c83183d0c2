/**
 * Errors of single resources in state of the world (xRFC TP3; gRFC A88, "Support for Errors Provided by the xDS server"): a
 * gRPC client that understands them need not wait 15 s to know that a name is not there. Clients read the field whenever it
 * is there and announce nothing; older ones skip it as an unknown one.
 */
import { status } from "@grpc/grpc-js";
import { DiscoveryResponse } from "../../gen/envoy/service/discovery/v3/discovery.ts";

/** What the names that are missing add to a response: fields of one message may come in any order and number of pieces. */
export function missingContent(typeUrl: string, missing: readonly string[]): Uint8Array {
  const message = DiscoveryResponse.fromPartial({
    resourceErrors: missing.map((name) => ({
      resourceName: { name },
      errorDetail: {
        code: status.NOT_FOUND,
        message: `the bridge has no ${typeUrl.replace(/^.*\./, "")} of this name for this client`,
      },
    })),
  });
  return DiscoveryResponse.encode(message).finish();
}
