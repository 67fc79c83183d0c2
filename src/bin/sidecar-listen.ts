/** Where a sidecar's API may listen. */
import { isLoopback, parseListen } from "../kernel/listen-address.ts";
import { fail } from "../model/errors.ts";

/** Its port can take the workload out of the registries, so it is for this Pod alone. Throws MB_LISTEN_INSECURE. */
export function listenOf(listen = "127.0.0.1:9920") {
  const address = parseListen(listen);
  if (address === undefined || !isLoopback(address))
    throw fail("MB_LISTEN_INSECURE", { purpose: "the sidecar's API", address: listen });
  return address;
}
