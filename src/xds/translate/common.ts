/** Pieces that several translators need. */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { Address } from "../../gen/envoy/config/core/v3/address.ts";
import { ApiVersion, ConfigSource } from "../../gen/envoy/config/core/v3/config_source.ts";
import type { Any } from "../../gen/google/protobuf/any.ts";
import type { Duration } from "../../gen/google/protobuf/duration.ts";

export interface Codec<T> {
  encode(message: T, writer: BinaryWriter): { finish(): Uint8Array };
}

/** The memory of a larger message is not kept for the next one. */
const KEPT_BYTES = 1024 * 1024;

/** Its memory serves one message after the other: for most of them it costs more to find than to fill. */
let writer = new BinaryWriter();

/** The bytes of `message`. Throws for what the type cannot say, e.g. a negative number where it has none. */
export function encoded<T>(codec: Codec<T>, message: T): Uint8Array {
  let reusable = false;
  try {
    const bytes = codec.encode(message, writer).finish();
    reusable = bytes.byteLength <= KEPT_BYTES;
    return bytes;
  } finally {
    if (!reusable) writer = new BinaryWriter();
  }
}

/** `message` as google.protobuf.Any; `type` is the full name of the message, e.g. `envoy.config.cluster.v3.Cluster`. */
export function any<T>(type: string, codec: Codec<T>, message: T): Any {
  return { typeUrl: `type.googleapis.com/${type}`, value: encoded(codec, message) };
}

/** A century: what is longer means "never", and Envoy refuses what its own clocks cannot count. */
const LONGEST_MS = 100 * 365 * 24 * 3600 * 1000;

/** Whole milliseconds ≥ 0 as google.protobuf.Duration; at most a century. */
export function duration(ms: number): Duration {
  const bounded = Math.min(ms, LONGEST_MS);
  return { seconds: Math.floor(bounded / 1000), nanos: (bounded % 1000) * 1_000_000 };
}

/**
 * For fields that must be above 0 (`gt {}` in the API): undefined for 0, so that the field is left out and Envoy's own
 * default applies, instead of the whole resource being refused.
 */
export function positiveDuration(ms: number): Duration | undefined {
  return ms > 0 ? duration(ms) : undefined;
}

/** A name as one part of a stat's name: dots divide those, and Envoy would take what follows one for the next part. */
export function statName(name: string): string {
  return name.replaceAll(/[.:]/g, "_");
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
