/** One gRPC stream to a peer: opened with a deadline, watched for silence, and its end told as an error of the table. */
import { Client, type ClientDuplexStream, type ClientOptions, credentials, type ServiceError, status } from "@grpc/grpc-js";
import type { WatchRequest, WatchResponse } from "../../src/gen/meshbridge/link/v1/link.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { MeshbridgeError, reasonOf } from "../../src/kernel/errors.ts";
import { LINK_METHODS } from "../../src/link/service.ts";
import { HEARTBEAT_MS, LINK_VERSION } from "../../src/link/wire.ts";
import { fail } from "../../src/model/errors.ts";
import type { LinkSpec } from "./spec.ts";

/** From the first byte to the peer's welcome. */
const CONNECT_MS = 5000;
/** A peer that is silent for three heartbeats is gone, whatever TCP says. */
const SILENCE_MS = 3 * HEARTBEAT_MS;
/** A service of 50,000 instances fits. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

export interface ConnectionContext {
  readonly registry: string;
  /** Our own cluster. */
  readonly self: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A client of one address; close it. */
export function openClient({ ca, cert, key, serverName }: LinkSpec, address: string): Client {
  const options: ClientOptions = {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    // Each connection has its own credentials: a shared one would keep those of before.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
    ...(serverName !== undefined && { "grpc.ssl_target_name_override": serverName, "grpc.default_authority": serverName }),
  };
  return new Client(address, credentials.createSsl(ca, key, cert), options);
}

/**
 * Every message of the peer from its welcome on. Throws MB_REGISTRY_UNREACHABLE, MB_REGISTRY_REFUSED or
 * MB_REGISTRY_BAD_REPLY when it ends for any reason but the signal's abort.
 */
export async function* openStream(
  spec: LinkSpec,
  address: string,
  { registry, self, clock, signal }: ConnectionContext,
): AsyncGenerator<WatchResponse> {
  const client = openClient(spec, address);
  let call: ClientDuplexStream<WatchRequest, WatchResponse> | undefined;
  const stop = () => call?.cancel();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const { path, requestSerialize, responseDeserialize } = LINK_METHODS.Watch;
    call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    call.write({ version: LINK_VERSION, cluster: self });
    const messages: AsyncIterator<WatchResponse> = call[Symbol.asyncIterator]();
    for (let limitMs = CONNECT_MS; ; limitMs = SILENCE_MS) {
      const { value, done } = await within(messages.next(), limitMs, clock);
      if (done) throw new Error("it has ended the stream");
      if (value.message?.$case === "welcome") checkWelcome(value.message.value, { registry, address, peer: spec.peer });
      yield value;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof MeshbridgeError ? error : toError(error, registry, address);
  } finally {
    signal.removeEventListener("abort", stop);
    // The stream may fail once more by being cancelled: nobody waits for it any longer.
    call?.on("error", () => undefined);
    stop();
    client.close();
  }
}

function checkWelcome(
  { version, cluster }: { readonly version: number; readonly cluster: string },
  { registry, address, peer }: { readonly registry: string; readonly address: string; readonly peer: string },
): void {
  const reason =
    version !== LINK_VERSION
      ? `it speaks version ${version} of links, and this bridge ${LINK_VERSION}`
      : cluster !== peer
        ? `it is the bridge of ${JSON.stringify(cluster.slice(0, 63))}, not of ${peer}`
        : undefined;
  if (reason !== undefined) throw fail("MB_REGISTRY_BAD_REPLY", { registry, address, reason });
}

/** Rejects when nothing comes in time; its timer goes with it. */
async function within<T>(next: Promise<T>, ms: number, clock: Clock): Promise<T> {
  const over = new AbortController();
  const silence = clock.sleep(ms, over.signal).then(() => {
    throw new Error(`nothing was heard for ${ms / 1000} s`);
  });
  // Called off below, or told by the race.
  silence.catch(() => undefined);
  next.catch(() => undefined);
  try {
    return await Promise.race([next, silence]);
  } finally {
    over.abort();
  }
}

const REFUSALS: ReadonlySet<number> = new Set([
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.FAILED_PRECONDITION,
  status.UNIMPLEMENTED,
  status.RESOURCE_EXHAUSTED,
]);

function toError(cause: unknown, registry: string, address: string): MeshbridgeError {
  const { code, details } = cause as Partial<ServiceError>;
  if (code !== undefined && REFUSALS.has(code))
    return fail("MB_REGISTRY_REFUSED", { registry, address, statusCode: status[code] ?? code, reason: details ?? "" }, { cause });
  const reason = details ?? reasonOf(cause);
  if (/marker speaks/.test(reason)) return fail("MB_REGISTRY_BAD_REPLY", { registry, address, reason }, { cause });
  return fail("MB_REGISTRY_UNREACHABLE", { registry, address, reason }, { cause });
}
