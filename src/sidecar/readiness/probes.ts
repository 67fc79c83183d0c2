/** One look at the workload beside us. Each resolves with why it is not ready, or undefined when it is; none rejects. */
import { execFile } from "node:child_process";
import { get } from "node:http";
import { connect } from "node:net";
import { Client, credentials } from "@grpc/grpc-js";
import { reasonOf } from "../../kernel/errors.ts";
import type { ProbeSettings } from "../settings/schema.ts";
import { decodeServing, encodeCheck } from "./grpc-health.ts";

export type Look = (signal: AbortSignal) => Promise<string | undefined>;

/** `host`: where the workload listens; the Pod's IP, as with the kubelet. The signal is the look's deadline. */
export function probeOf(probe: ProbeSettings, host: string): Look {
  const look = lookOf(probe, host);
  return async (signal) => {
    try {
      return await look(signal);
    } catch (error) {
      return signal.aborted ? "no answer in time" : reasonOf(error);
    }
  };
}

function lookOf(probe: ProbeSettings, host: string): Look {
  if ("http" in probe) return (signal) => lookByHttp(probe.http, host, signal);
  if ("tcp" in probe) return (signal) => lookByTcp(probe.tcp.port, host, signal);
  if ("grpc" in probe) return (signal) => lookByGrpc(probe.grpc, host, signal);
  return (signal) => lookByExec(probe.exec.command, signal);
}

type HttpSettings = Extract<ProbeSettings, { http: unknown }>["http"];

function lookByHttp(
  { port, path = "/", host: name }: HttpSettings,
  host: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { "user-agent": "meshbridge-probe", ...(name !== undefined && { host: name }) };
    const request = get({ host, port, path, headers, signal, agent: false }, (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      resolve(statusCode >= 200 && statusCode < 400 ? undefined : `GET ${path} answered ${statusCode}`);
    });
    request.on("error", reject);
  });
}

function lookByTcp(port: number, host: string, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host });
    const stop = () => socket.destroy(new Error("no connection in time"));
    signal.addEventListener("abort", stop, { once: true });
    socket.once("close", () => signal.removeEventListener("abort", stop));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
  });
}

type GrpcSettings = Extract<ProbeSettings, { grpc: unknown }>["grpc"];

/** `grpc.health.v1.Health/Check` (github.com/grpc/grpc-proto, `health.proto`); without TLS, as the kubelet does it. */
function lookByGrpc({ port, service = "" }: GrpcSettings, host: string, signal: AbortSignal): Promise<string | undefined> {
  const client = new Client(host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`, credentials.createInsecure());
  return new Promise<string | undefined>((resolve, reject) => {
    const call = client.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      (value: Buffer) => value,
      decodeServing,
      encodeCheck(service),
      (error, serving) => (error ? reject(error) : resolve(serving ? undefined : "its health service says it is not serving")),
    );
    signal.addEventListener("abort", () => call.cancel(), { once: true });
  }).finally(() => client.close());
}

function lookByExec([command = "", ...args]: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    // Its output is the workload's affair, and may hold anything.
    execFile(command, args, { signal, killSignal: "SIGKILL", maxBuffer: 1024 * 1024 }, (error) => {
      if (error === null) resolve(undefined);
      else if (typeof error.code === "number") resolve(`${command} ended with ${error.code}`);
      else reject(error);
    });
  });
}
