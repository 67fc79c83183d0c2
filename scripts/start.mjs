// `npm start`: the bridge on examples/quickstart with its sample backends, in this one process; with --with-envoy an
// Envoy beside it. Ctrl-C ends all of it. Other arguments go to `meshbridge serve`.
//   npm start            npm start -- --with-envoy            npm start -- -c other.yaml --log-level debug
import { relative, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { adapters } from "../dist/adapters/index.js";
import { createAdminClient } from "../dist/src/cli/admin-client.js";
import { adminAddressOf, readConfig } from "../dist/src/cli/config-file.js";
import { startBackends } from "../examples/quickstart/backends.mjs";
import { startEnvoy } from "./envoy.mjs";

const POLL_MS = 100;
const root = resolve(fileURLToPath(import.meta.url), "../..");
const program = resolve(root, "dist/src/bin/meshbridge.js");
const say = (text) => process.stderr.write(`[start] ${text}\n`);

const words = process.argv.slice(2);
const { values, tokens } = parseArgs({
  args: words,
  strict: false,
  tokens: true,
  options: {
    config: { type: "string", short: "c" },
    "with-envoy": { type: "boolean" },
    "admin-listen": { type: "string" },
    "xds-listen": { type: "string" },
  },
});
const ours = tokens.filter(({ kind, name }) => kind === "option" && (name === "config" || name === "with-envoy"));
const taken = new Set(ours.flatMap(({ index, inlineValue }) => (inlineValue === false ? [index, index + 1] : [index])));
const serveArgs = words.filter((_, index) => !taken.has(index));
// npm runs this in the checkout; a path is meant from where the person stands.
const config =
  typeof values.config === "string"
    ? resolve(process.env.INIT_CWD ?? process.cwd(), values.config)
    : relative(process.cwd(), resolve(root, "examples/quickstart/meshbridge.yaml"));

/** The configuration as the bridge will see it; undefined when it has faults, which the bridge itself reports. */
async function readSettings() {
  const flags = new Map();
  for (const name of ["admin-listen", "xds-listen"]) {
    if (typeof values[name] === "string") flags.set(name.replace("-", "."), values[name]);
  }
  try {
    return await readConfig({ adapters, env: process.env }, config, flags);
  } catch {
    return undefined;
  }
}

/** Resolves with true once the bridge says it is ready. */
async function becomesReady(admin, signal) {
  const client = createAdminClient({ address: admin, timeoutMs: 2000, signal });
  while (!signal.aborted) {
    const overview = await client.read("/v1/overview").catch(() => undefined);
    if (overview !== undefined && overview.sync !== "waiting") return true;
    await wait(POLL_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
  return false;
}

function tour({ mesh, xds, traffic }, admin, envoyRuns) {
  const gateway = traffic.gateways[0];
  const listener = gateway?.listeners.find(({ protocol }) => protocol === "HTTP");
  const route = gateway?.routes.find(({ hosts }) => hosts.length > 0);
  const service = route?.backends[0]?.service;
  const key = service === undefined ? "NAMESPACE/NAME" : `${service.namespace}/${service.name}`;
  const curl =
    listener === undefined || route === undefined
      ? undefined
      : `curl -H 'Host: ${route.hosts[0]}' localhost:${listener.port}${route.path.value}`;
  const ask = admin === "http://127.0.0.1:8080" ? "" : ` --admin ${admin}`;
  const lines = [
    "",
    `Meshbridge is up in cluster ${mesh.cluster}: xDS on ${xds.listen.host}:${xds.listen.port}, admin API on ${admin}`,
    "",
    "Try next, in another terminal:",
    `  see what it knows    npx meshbridge services${ask}`,
    `                       curl ${admin}/v1/services      (all of the API: ${admin}/docs)`,
    `  ask why              npx meshbridge explain ${key}${ask}`,
  ];
  if (gateway !== undefined && !envoyRuns) {
    lines.push(
      `  connect an Envoy     npx meshbridge bootstrap --role gateway --name ${gateway.name} -c ${config} > envoy.yaml`,
      "                       envoy -c envoy.yaml            (no Envoy yet? npm start -- --with-envoy)",
    );
  }
  if (curl !== undefined) lines.push(`  ${envoyRuns ? "go through Envoy     " : "then                 "}${curl}`);
  if (envoyRuns) lines.push(`  see who has what     npx meshbridge proxies${ask}`);
  if (values.config === undefined) {
    lines.push("  change something     edit examples/quickstart/services.yaml (a weight, an instance), save, and ask again");
  }
  return [...lines, "", "Ctrl-C stops everything.", ""].join("\n");
}

async function accompany(settings, signal) {
  const admin = adminAddressOf(settings);
  if (!(await becomesReady(admin, signal))) return undefined;
  const envoy = values["with-envoy"] === true ? await startEnvoy({ program, config, settings, signal, say }) : undefined;
  if (!signal.aborted) process.stdout.write(`${tour(settings, admin, envoy !== undefined)}\n`);
  return envoy;
}

const settings = await readSettings();
const failed = await startBackends();
for (const { name, port, error } of failed) say(`the sample backend "${name}" does not run: port ${port}: ${error.message}`);

process.argv = [process.execPath, program, "serve", "-c", config, ...serveArgs];
const ended = new AbortController();
// Ends with the bridge; it sets the exit code.
const bridge = import(program).finally(() => ended.abort());
const beside = settings === undefined ? undefined : accompany(settings, ended.signal);
await bridge;
const envoy = await beside;
await envoy?.stop();
