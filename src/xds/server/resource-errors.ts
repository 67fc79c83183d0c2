/**
 * Errors of single resources in state of the world (xRFC TP3; gRFC A88, "Support for Errors Provided by the xDS server"): a
 * gRPC client that understands them need not wait 15 s to know that a name is not there. Clients read the field whenever it
 * is there and announce nothing; older ones skip it as an unknown one.
 */
import { status } from "@grpc/grpc-js";
import { DiscoveryResponse } from "../../gen/envoy/service/discovery/v3/discovery.ts";
import type { StreamResponse } from "../stream/messages.ts";

/** The response without its nonce. */
export function missingContent({ typeUrl, version, resources, missing = [] }: StreamResponse): Uint8Array {
  const message = DiscoveryResponse.fromPartial({
    typeUrl,
    versionInfo: version,
    resources: resources.map(({ body }) => ({ typeUrl, value: body })),
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
