/**
 * Queries per second of the name server on one core: `npm run bench -- dns [--services N] [--seconds N] [--window N]`. The server
 * is a process of its own; queries go over UDP on loopback, so many at a time, from a generator whose own CPU is told too.
 */
import { fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { listenDns } from "../src/dns/server.ts";
import { dnsWorld, instanceOf, queryBytes, serviceOf } from "../src/dns/testing.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { silentLog } from "../src/kernel/log.ts";
import { cpuMicros } from "./support/usage.ts";

const ENDPOINTS = 5;

export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      services: { type: "string", default: "10000" },
      seconds: { type: "string", default: "10" },
      window: { type: "string", default: "64" },
    },
  });
  const [services, seconds, window] = [values.services, values.seconds, values.window].map(Number) as [number, number, number];
  const child = fork(import.meta.filename, ["serve", String(services)], { stdio: "inherit" });
  try {
    const [port] = (await once(child, "message")) as [number];
    const { pid } = child;
    if (pid === undefined) throw new Error("the server did not start");
    await load(port, services, { seconds: 1, window });
    const before = { server: await cpuMicros(pid), own: process.cpuUsage() };
    const { answered, lost, latencies } = await load(port, services, { seconds, window });
    const server = (await cpuMicros(pid)) - before.server;
    const own = process.cpuUsage(before.own);
    const core = (micros: number) => `${((micros / 1e6 / seconds) * 100).toFixed(0)} %`;
    latencies.sort((a, b) => a - b);
    const at = (share: number) => `${(latencies[Math.floor(latencies.length * share)] ?? Number.NaN).toFixed(2)} ms`;
    process.stdout.write(
      [
        `DNS: ${services} services of ${ENDPOINTS} instances, ${window} queries at a time, ${seconds} s`,
        "",
        "| queries/s | lost | p50 | p99 | server CPU | per core of server CPU | generator CPU |",
        "|---|---|---|---|---|---|---|",
        `| ${Math.round(answered / seconds)} | ${lost} | ${at(0.5)} | ${at(0.99)} | ${core(server)} | ${Math.round(answered / (server / 1e6))} queries/s | ${core(own.user + own.system)} |`,
        "",
      ].join("\n"),
    );
    return answered / (server / 1e6) >= 10_000 ? 0 : 1;
  } finally {
    child.kill();
  }
}

interface Load {
  readonly answered: number;
  readonly lost: number;
  readonly latencies: number[];
}

/** A closed loop: an answer makes room for the next query; what is lost is asked no more after a second. */
async function load(port: number, services: number, { seconds, window }: { seconds: number; window: number }): Promise<Load> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  const queries = Array.from({ length: Math.min(services, 5000) }, (_, index) =>
    queryBytes(nameOf(index), "A", { udpSize: 1232 }),
  );
  const sentAt = new Map<number, number>();
  const latencies: number[] = [];
  let id = 0;
  let answered = 0;
  let over = false;
  const send = () => {
    id = (id + 1) & 0xffff;
    const bytes = Buffer.from(queries[Math.floor(Math.random() * queries.length)] ?? Buffer.alloc(0));
    bytes.writeUInt16BE(id, 0);
    sentAt.set(id, performance.now());
    socket.send(bytes, port, "127.0.0.1");
  };
  socket.on("message", (bytes) => {
    const at = sentAt.get(bytes.readUInt16BE(0));
    if (at === undefined || (bytes.readUInt16BE(2) & 0xf) !== 0 || bytes.readUInt16BE(6) === 0)
      throw new Error(`a wrong answer: ${bytes.toString("hex")}`);
    sentAt.delete(bytes.readUInt16BE(0));
    if (over) return;
    answered++;
    if (answered % 16 === 0) latencies.push(performance.now() - at);
    send();
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  for (let index = 0; index < window; index++) send();
  await systemClock.sleep(seconds * 1000);
  over = true;
  await systemClock.sleep(1000);
  const lost = sentAt.size;
  socket.close();
  return { answered, lost, latencies };
}

function nameOf(index: number): string {
  return `service-${index}.shop.mesh.local`;
}

async function serve(count: number): Promise<void> {
  const services = Array.from({ length: count }, (_, index) => {
    const address = (n: number) => `10.${index >> 8}.${index & 255}.${n + 1}`;
    return serviceOf(
      `shop/service-${index}`,
      Array.from({ length: ENDPOINTS }, (_, n) => instanceOf(address(n))),
    );
  });
  const { responder } = dnsWorld({ services, random: Math.random });
  const limits = { queriesPerSecond: 1_000_000, tcpConnections: 8, tcpPerSource: 8, tcpIdleMs: 10_000 };
  const nothing = () => undefined;
  const listen = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const server = await listenDns({
    ...{ listen, limits, responder, clock: systemClock, log: silentLog, onDrop: nothing, onConnections: nothing },
  });
  process.send?.(server.port);
}

if (process.argv[2] === "serve") await serve(Number(process.argv[3]));
