/** Pieces that several translators need. */

import { Address } from "../../gen/envoy/config/core/v3/address.ts";
import { ApiVersion, ConfigSource } from "../../gen/envoy/config/core/v3/config_source.ts";
import type { Any } from "../../gen/google/protobuf/any.ts";
import type { Duration } from "../../gen/google/protobuf/duration.ts";

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
}

/** `message` as google.protobuf.Any; `type` is the full name of the message, e.g. `envoy.config.cluster.v3.Cluster`. */
export function any<T>(type: string, codec: Codec<T>, message: T): Any {
  return { typeUrl: `type.googleapis.com/${type}`, value: codec.encode(message).finish() };
}

export function duration(ms: number): Duration {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 };
}

/** Resources that come over the same aggregated stream. 15 s is Envoy's own default, said plainly. */
export function adsSource(): ConfigSource {
  return ConfigSource.fromPartial({
    configSourceSpecifier: { $case: "ads", value: {} },
    resourceApiVersion: ApiVersion.V3,
    initialFetchTimeout: duration(15_000),
  });
}

/** `address` is an IP literal; a v6 one without brackets. */
export function socketAddress(address: string, port: number): Address {
  return Address.fromPartial({
    address: { $case: "socketAddress", value: { address, portSpecifier: { $case: "portValue", value: port } } },
  });
}
