/** The gRPC service of links (proto/meshbridge/link/v1/link.proto), as both sides of it declare it to grpc-js. */
import type { MethodDefinition } from "@grpc/grpc-js";
import { WatchRequest, WatchResponse, WitnessRequest, WitnessResponse } from "../gen/meshbridge/link/v1/link.ts";

export const LINK_SERVICE = "/meshbridge.link.v1.LinkService";

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

function method<In, Out>(name: string, input: Codec<In>, output: Codec<Out>, streams: boolean): MethodDefinition<In, Out> {
  const bytes =
    <T>(codec: Codec<T>) =>
    (value: T) =>
      Buffer.from(codec.encode(value).finish());
  return {
    path: `${LINK_SERVICE}/${name}`,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: bytes(input),
    requestDeserialize: (raw) => input.decode(raw),
    responseSerialize: bytes(output),
    responseDeserialize: (raw) => output.decode(raw),
  };
}

export const LINK_METHODS = {
  Watch: method("Watch", WatchRequest, WatchResponse, true),
  Witness: method("Witness", WitnessRequest, WitnessResponse, false),
};
