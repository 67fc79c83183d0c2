/** Which way a call takes; that both ways do the same is what server.test.ts shows. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { type ClientDuplexStream, credentials, Client as GrpcClient, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { type Call, type MessageStream, messageStream } from "./message-stream.ts";
import { bytesMethod } from "./services.ts";

const PATH = "/test.Echo/Echo";
const identity = (bytes: Buffer) => bytes;
const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

/** A server that gives back what comes, and a call to it. */
async function echo({ direct, gzip = false }: { direct: boolean; gzip?: boolean }) {
  const streams: MessageStream[] = [];
  const server = new Server();
  const handle = (call: Call) => {
    const stream = messageStream(
      call,
      {
        onMessage(message) {
          stream.write([Buffer.from([0, 0, 0, 0, message.byteLength]), message]);
          return true;
        },
        onEnd: () => call.end(),
        onFault: (fault) => call.emit("error", { code: status.INVALID_ARGUMENT, details: fault }),
      },
      direct,
    );
    streams.push(stream);
    stream.start();
  };
  server.addService({ Echo: bytesMethod(PATH) }, { Echo: handle });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const options = gzip ? { "grpc.default_compression_algorithm": 2 as const } : {};
  const client = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure(), options);
  closers.push(
    () => server.forceShutdown(),
    () => client.close(),
  );
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(PATH, identity, identity);
  const received: string[] = [];
  call.on("data", (message: Buffer) => received.push(message.toString()));
  const over = new Promise<{ code: status }>((resolve) => call.on("status", resolve));
  return { call, streams, received, over };
}

for (const direct of [true, false]) {
  test(`direct asked for: ${direct}; messages arrive in order, the status is grpc-js's`, async () => {
    const { call, streams, received, over } = await echo({ direct });
    for (const word of ["a", "b", "c"]) call.write(Buffer.from(word));
    call.end();
    assert.equal((await over).code, status.OK);
    assert.deepEqual(received, ["a", "b", "c"]);
    assert.deepEqual(
      streams.map((stream) => stream.direct),
      [direct],
    );
  });
}

test("a client that compresses is read through grpc-js", async () => {
  const { call, streams, received, over } = await echo({ direct: true, gzip: true });
  const long = "a".repeat(100);
  call.write(Buffer.from(long));
  call.end();
  assert.equal((await over).code, status.OK);
  assert.deepEqual(received, [long]);
  assert.equal(streams[0]?.direct, false);
});
