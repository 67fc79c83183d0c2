/**
 * A proxyless gRPC client, a process of its own because it takes its bootstrap from the environment
 * (`GRPC_XDS_BOOTSTRAP`). Calls the echo service at the target named by its argument every 20 ms and prints one line a
 * call: `ok PORT` or `error MESSAGE`.
 */
import { Client, credentials } from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";
import { ECHO_SERVICE, type EchoReply } from "./grpc-echo.ts";

const EVERY_MS = 20;
const CALL_DEADLINE_MS = 2000;

register();
const client = new Client(process.argv[2] ?? "", credentials.createInsecure());
const { path, requestSerialize, responseDeserialize } = ECHO_SERVICE["Say"] ?? { path: "" };
if (requestSerialize === undefined || responseDeserialize === undefined) throw new Error("the echo service has no method Say");

const timer = setInterval(() => {
  const deadline = Date.now() + CALL_DEADLINE_MS;
  client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, { deadline }, (error, reply) => {
    process.stdout.write(error === null ? `ok ${(reply as EchoReply).port}\n` : `error ${error.code} ${error.details}\n`);
  });
}, EVERY_MS);

process.on("SIGTERM", () => {
  clearInterval(timer);
  client.close();
});
