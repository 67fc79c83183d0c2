/** The limits of the xDS port. Each is there because a client without it could hold or exhaust the server. */
import type { ChannelOptions } from "@grpc/grpc-js";

/** `initial_resource_versions` of 50,000 names is above 3 MiB, and grows with what the client holds (envoy#46072). */
export const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

export const SERVER_OPTIONS: ChannelOptions = {
  "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
  // Whole-state responses of large views must go out; delta responses are split by the stream.
  "grpc.max_send_message_length": -1,
  "grpc.max_concurrent_streams": 100,
  // Dead peers, and those that read nothing any more, are closed within 40 s; without this such a connection would stay
  // for ever: what is sent waits for an answer, so there is never enough unread to notice it by. The answer may take as
  // long as half of that: it comes after whatever the client still has to read, and we ourselves still have to do. In 10 s,
  // or asked for 10 s after the beginning, a storm of 1,000 clients with 10,000 clusters each closes some that are well.
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 20_000,
  // Long streams move to other replicas after a while; grpc-js spreads this by ±10 %.
  "grpc.max_connection_age_ms": 30 * 60_000,
  "grpc.max_connection_age_grace_ms": 30_000,
  "grpc.enable_channelz": 0,
};
