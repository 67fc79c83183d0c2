/** For tests: the exporting side of a link in this process, over a catalog of the test's own, with real TLS. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { createCatalogStore } from "../../src/catalog/store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import type { RegistryStanding } from "../../src/link/exported.ts";
import { createLinkServer, type LinkServer } from "../../src/link/server.ts";
import { AUTHORITATIVE } from "../../src/model/evidence.ts";
import type { ContractInstance } from "../../src/registry/contract-suite.ts";
import { contractGroup, registrySettings } from "../../src/registry/testing.ts";
import { type KeyPair, selfSigned } from "../../test/support/certificate.ts";
import { freePort } from "../../test/support/ports.ts";
import { tempDir } from "../../test/support/temp.ts";
import { DRAIN_MS, followLink } from "./follow.ts";
import type { LinkSettings } from "./schema.ts";

/** What a registry that can be read and has nothing in doubt looks like. */
export const LIVE: RegistryStanding = { link: false, synced: true, current: true, evidence: AUTHORITATIVE };

export interface Exporter {
  readonly port: number;
  readonly server: LinkServer;
  readonly certificate: KeyPair;
  readonly client: KeyPair;
  readonly dir: string;
  /** The settings of a link to it. */
  readonly settings: LinkSettings;
  /** Changes while the test runs. */
  standing: RegistryStanding;
  exports: readonly string[];
  put(service: string, instances: readonly ContractInstance[]): void;
  remove(service: string): void;
  /** Nothing listens any more; every stream is cut. */
  down(): Promise<void>;
  up(): Promise<void>;
  watch(signal: AbortSignal, config?: LinkSettings): ReturnType<typeof followLink>;
}

export async function startExporter(scope: AsyncDisposableStack): Promise<Exporter> {
  const dir = await tempDir(scope, "link");
  const port = await freePort();
  const certificate = selfSigned("127.0.0.1");
  const client = selfSigned("bridge.c1.test");
  const files = { ca: certificate.cert, cert: client.cert, key: client.key };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, `${name}.pem`), text);
  const catalog = createCatalogStore({ registries: ["local"], ruleOf: () => ({ mode: "merge", order: [] }) });
  catalog.setSync("complete");
  let grpc: Server | undefined;
  let serving: LinkServer | undefined;
  const make = () =>
    createLinkServer({
      cluster: "far",
      catalog,
      clock: systemClock,
      log: silentLog,
      nextTurn: setImmediate,
      policy: () => ({
        peers: [{ name: "c1", identities: ["DNS:bridge.c1.test"] }],
        exports: exporter.exports.map((match) => ({ match, to: ["c1"], local: false })),
        hopLimit: 1,
      }),
      registries: () => new Map([["local", exporter.standing]]),
      sees: (cluster) => cluster === "far",
    });
  const exporter: { -readonly [K in keyof Exporter]: Exporter[K] } = {
    port,
    get server(): LinkServer {
      if (serving === undefined) throw new Error("it is down");
      return serving;
    },
    certificate,
    client,
    dir,
    standing: LIVE,
    exports: ["*"],
    settings: {
      peer: "far",
      servers: [`127.0.0.1:${port}`],
      tls: { caFile: "ca.pem", certFile: "cert.pem", keyFile: "key.pem" },
    },
    put: (service: string, instances: readonly ContractInstance[]) =>
      catalog.apply(new Map([[`local/${service}`, contractGroup(service, instances, placeOf(service))]])),
    remove: (service: string) => catalog.apply(new Map([[`local/${service}`, undefined]])),
    async down() {
      serving?.close();
      grpc?.forceShutdown();
      grpc = undefined;
    },
    async up() {
      serving = make();
      grpc = new Server();
      grpc.addService(serving.definition, serving.implementation);
      const pair = { cert_chain: Buffer.from(certificate.cert), private_key: Buffer.from(certificate.key) };
      const secure = ServerCredentials.createSsl(Buffer.from(client.cert), [pair], true);
      await new Promise<void>((resolve, reject) => {
        grpc?.bindAsync(`127.0.0.1:${port}`, secure, (error) => (error === null ? resolve() : reject(error)));
      });
    },
    watch: (signal: AbortSignal, config: LinkSettings = exporter.settings) =>
      followLink(config, {
        name: "to-far",
        settings: registrySettings(),
        baseDir: dir,
        signal,
        log: silentLog,
        // Only the wait for a drain is made short.
        clock: { ...systemClock, sleep: (ms, until) => systemClock.sleep(ms === DRAIN_MS ? 200 : ms, until) },
        random: () => 0.1,
      }),
  };
  await exporter.up();
  scope.defer(() => exporter.down());
  return exporter;
}

function placeOf(service: string) {
  return { registry: "local", scope: service, cluster: "far" };
}
