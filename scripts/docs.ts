/**
 * Writes the generated pages of docs/reference. `node scripts/docs.ts --check` writes nothing and fails when a page is
 * not what it would write.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { adapters } from "../adapters/index.ts";
import { deployReference } from "../deploy/api/reference.ts";
import { createAdminApp } from "../src/admin/app.ts";
import { type ApiDocument, httpReference } from "../src/admin/reference.ts";
import { testState } from "../src/admin/testing/state.ts";
import { configReference } from "../src/config/reference.ts";
import { silentLog } from "../src/kernel/log.ts";
import { ERROR_TABLE } from "../src/model/errors.ts";
import { metricsReference } from "../src/telemetry/metrics.ts";
import { sidecarReference } from "./sidecar-reference.ts";

const root = join(import.meta.dirname, "..");

const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  "docs/reference/configuration.md": () => configReference(adapters),
  "docs/reference/deploy-objects.md": deployReference,
  "docs/reference/errors.md": errorReference,
  "docs/reference/http-api.md": apiReference,
  "docs/reference/metrics.md": metricReference,
  "docs/reference/sidecar.md": sidecarReference,
};

function errorReference(): string {
  const head = `# Error codes

<!-- Generated from src/model/errors.ts by \`node scripts/docs.ts\`. Do not edit. -->

Every error has a code, a sentence that says what failed and where, and a next step. The admin API answers with the
status named here and the code in its problem document; a command that ends with the error has the exit code named
here (1: a check failed, 2: usage or configuration, 3: something cannot be reached). \`{…}\` stands for what is filled in.
`;
  const parts = Object.entries(ERROR_TABLE).map(
    ([code, { message, next, status, exitCode }]) =>
      `## ${code}\n\n> ${message}\n\n${next.charAt(0).toUpperCase()}${next.slice(1)}.\n\nHTTP status ${status}, exit code ${exitCode}.\n`,
  );
  return [head, ...parts].join("\n");
}

/** The routes do not depend on what the bridge knows, so any state will do to ask them for their schemas. */
async function apiReference(): Promise<string> {
  const app = await createAdminApp(testState(), { log: silentLog });
  const routes = httpReference((await app.inject({ url: "/openapi.json" })).json<ApiDocument>());
  await app.close();
  return `# Admin HTTP API

<!-- Generated from src/admin/routes by \`node scripts/docs.ts\`. Do not edit. -->

Served where [\`admin.listen\`](configuration.md#admin) says, as JSON. A running bridge has the same as an OpenAPI document at
\`/openapi.json\` and as a page to try it at \`/docs\`. Lists come in pages of \`limit\` items, in a stable order: ask again
with \`cursor\` set to \`nextCursor\` until there is none. Times are ISO 8601 in UTC, null for never. \`?\` marks a field that
may be missing.

An error is answered as \`application/problem+json\` (RFC 9457) with \`status\`, \`detail\`, \`code\` and \`hint\`, the next step;
[errors](errors.md) lists the codes. The API has no login: it answers only to \`localhost\`, IP addresses and the host name it
listens on, and changes take a body of \`application/json\`.

${routes}`;
}

function metricReference(): string {
  return `# Metrics

<!-- Generated from src/telemetry/metrics.ts by \`node scripts/docs.ts\`. Do not edit. -->

Scraped from \`/metrics\` of the admin address. Gauges are what the bridge knows at the moment of the scrape. Labels are
bounded by the configuration: no metric has an instance or an address as a label.

${metricsReference()}
`;
}

async function current(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

const check = process.argv.includes("--check");
for (const [name, page] of Object.entries(PAGES)) {
  const path = join(root, name);
  const text = await page();
  if ((await current(path)) === text) continue;
  if (check) {
    process.stderr.write(`${name} is not up to date: run \`node scripts/docs.ts\`\n`);
    process.exitCode = 1;
  } else {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    process.stdout.write(`${name} written\n`);
  }
}
