/** A tiny gRPC service, without a .proto: requests and replies are JSON in the message bytes. */
import { Server, ServerCredentials, type ServerUnaryCall, type ServiceDefinition, type sendUnaryData } from "@grpc/grpc-js";
import type { Backend } from "./backend.ts";

const toBytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const fromBytes = (bytes: Buffer) => JSON.parse(bytes.toString("utf8")) as unknown;

/** One unary method that answers with the server's port. */
export const ECHO_SERVICE: ServiceDefinition = {
  Say: {
    path: "/meshbridge.test.Echo/Say",
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: fromBytes,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes,
  },
};

export interface EchoReply {
  readonly port: number;
}

/** A gRPC echo server on 127.0.0.1. */
export async function startGrpcBackend(scope: AsyncDisposableStack): Promise<Backend> {
  let served = 0;
  let port = 0;
  const server = new Server();
  server.addService(ECHO_SERVICE, {
    Say(_call: ServerUnaryCall<unknown, EchoReply>, reply: sendUnaryData<EchoReply>) {
      served++;
      reply(null, { port });
    },
  });
  port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const close = async () => server.forceShutdown();
  scope.defer(close);
  return {
    address: "127.0.0.1",
    port,
    get served() {
      return served;
    },
    close,
  };
}
