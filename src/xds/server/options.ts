/** The limits of the xDS port. Each is there because a client without it could hold or exhaust the server. */
import type { ChannelOptions } from "@grpc/grpc-js";

/** `initial_resource_versions` of 50,000 names is above 3 MiB, and grows with what the client holds (envoy#46072). */
export const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

/**
 * Connections that may wait to be accepted; the kernel allows fewer (net.core.somaxconn) or as many. With node's 511 the
 * others of a storm of clients are not answered and ask again only after a second.
 */
export const BACKLOG = 4096;

export const SERVER_OPTIONS: ChannelOptions = {
  "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
  // Whole-state responses of large views must go out; delta responses are split by the stream.
  "grpc.max_send_message_length": -1,
  "grpc.max_concurrent_streams": 100,
  // For connections without a discovery stream, which liveness.ts does not look after: they are closed within 2 minutes. Shorter,
  // it would close clients that are well in a storm: with 20 s for an answer one of 1,000 that were sent 10,000 clusters each.
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 60_000,
  // Long streams move to other replicas after a while; grpc-js spreads this by ±10 %.
  "grpc.max_connection_age_ms": 30 * 60_000,
  "grpc.max_connection_age_grace_ms": 30_000,
  "grpc.enable_channelz": 0,
};
