/**
 * The client status discovery service (CSDS, envoy/service/status/v3/csds.proto), server's view: which resource each client
 * has, by name and version. Contents are never in it. Off unless configured, since whoever reaches the port may ask.
 */
import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { status as grpcStatus } from "@grpc/grpc-js";
import { ClientStatusRequest, ClientStatusResponse, ConfigStatus } from "../../gen/envoy/service/status/v3/csds.ts";
import { reasonOf } from "../../kernel/errors.ts";
import { type ConfigState, type ResourceStatus, resourceStatuses } from "../client-status.ts";
import type { ProxyStatus } from "../proxy-status.ts";
import type { ViewTables } from "../types.ts";
import type { Access } from "./access.ts";
import { type BoundService, bytesMethod } from "./services.ts";

const SERVICE = "envoy.service.status.v3.ClientStatusDiscoveryService";

const STATE: Readonly<Record<ConfigState, ConfigStatus>> = {
  SYNCED: ConfigStatus.SYNCED,
  NOT_SENT: ConfigStatus.NOT_SENT,
  STALE: ConfigStatus.STALE,
  ERROR: ConfigStatus.ERROR,
};

export interface StatusSource {
  proxies(): readonly ProxyStatus[];
  /** Who may be what; absent: whoever reaches the port is told of every client. */
  readonly access?: Access;
  /** Undefined when nobody looks at the view any more. */
  tables(view: string): ViewTables | undefined;
}

export function statusService(source: StatusSource): BoundService {
  /** A client is told of those alone that it may be itself. */
  const answer = async (bytes: Buffer, call: Parameters<Access["identify"]>[0]): Promise<Buffer> => {
    const { nodeMatchers } = ClientStatusRequest.decode(bytes);
    const peer = await source.access?.identify(call);
    const visible = (claim: ProxyStatus) => peer === undefined || source.access?.refusal(peer, claim) === undefined;
    const wanted = source.proxies().filter((proxy) => matches(nodeMatchers, proxy.nodeId) && visible(proxy));
    const config = wanted.map((proxy) => clientConfig(proxy, source.tables(proxy.view)));
    return Buffer.from(ClientStatusResponse.encode(ClientStatusResponse.fromPartial({ config })).finish());
  };
  const fetch = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
    answer(call.request, call).then(
      (bytes) => done(null, bytes),
      (error: unknown) => done({ code: grpcStatus.INVALID_ARGUMENT, details: `not a ClientStatusRequest: ${reasonOf(error)}` }),
    );
  };
  // One answer a request, also on the stream: the protocol has no watch (gRFC A40).
  const stream = (call: ServerDuplexStream<Buffer, Buffer>) => {
    let pending: Promise<unknown> = Promise.resolve();
    call.on("data", (bytes: Buffer) => {
      pending = pending
        .then(() => answer(bytes, call))
        .then((reply) => call.write(reply))
        .catch((error: unknown) => {
          call.emit("error", { code: grpcStatus.INVALID_ARGUMENT, details: `not a ClientStatusRequest: ${reasonOf(error)}` });
        });
    });
    call.on("end", () => pending.finally(() => call.end()));
    // A client that breaks off asks no more; there is nothing to clean up.
    call.on("error", () => undefined);
  };
  const unary = { ...bytesMethod(`/${SERVICE}/FetchClientStatus`), requestStream: false, responseStream: false };
  return {
    definition: { StreamClientStatus: bytesMethod(`/${SERVICE}/StreamClientStatus`), FetchClientStatus: unary },
    implementation: { StreamClientStatus: stream, FetchClientStatus: fetch },
  };
}

/** Any of the matchers; none: every client. By exact id, prefix, suffix or part of it: what else there is matches nobody. */
function matches(matchers: ClientStatusRequest["nodeMatchers"], id: string): boolean {
  if (matchers.length === 0) return true;
  return matchers.some(({ nodeId }) => {
    const pattern = nodeId?.matchPattern;
    if (pattern?.$case === "exact") return id === pattern.value;
    if (pattern?.$case === "prefix") return id.startsWith(pattern.value);
    if (pattern?.$case === "suffix") return id.endsWith(pattern.value);
    return pattern?.$case === "contains" && id.includes(pattern.value);
  });
}

function clientConfig(proxy: ProxyStatus, tables: ViewTables | undefined) {
  const resources = tables === undefined ? [] : resourceStatuses(proxy, tables);
  return { node: { id: proxy.nodeId, cluster: proxy.nodeCluster }, genericXdsConfigs: resources.map(genericConfig) };
}

function genericConfig({ typeUrl, name, version, state, error }: ResourceStatus) {
  return {
    typeUrl,
    name,
    versionInfo: version,
    configStatus: STATE[state],
    ...(error !== undefined && { errorState: { details: error } }),
  };
}
