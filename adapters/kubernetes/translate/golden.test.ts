/**
 * Services and slices as JSON, held against the groups they give: one file for each rule, named after it. Inputs leave out
 * what a rule does not speak of; testing.ts fills it in. UPDATE_GOLDEN=1 rewrites the outputs and removes those that
 * belong to no input.
 */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Group } from "../../../src/model/group.ts";
import { createAddressRules } from "../../../src/registry/address-rules.ts";
import { sanitise } from "../../../src/registry/sanitise.ts";
import type { KubeEndpoint, KubeEndpointSlice, KubePort, KubeService } from "../objects.ts";
import { translateService } from "./index.ts";
import { type ContextFields, kubeEndpoint, kubePort, kubeService, kubeSlice, slicePort, translateContext } from "./testing.ts";
import type { ServiceReading } from "./types.ts";

const IN = new URL("golden/in/", import.meta.url).pathname;
const OUT = new URL("golden/out/", import.meta.url).pathname;
const update = process.env["UPDATE_GOLDEN"] === "1";

type SlicePort = KubeEndpointSlice["ports"][number];

interface Input {
  /** The rule, in a sentence. */
  readonly rule: string;
  readonly context?: ContextFields;
  readonly service?: Partial<Omit<KubeService, "ports">> & { readonly ports?: readonly Partial<KubePort>[] };
  readonly slices: readonly (Partial<Omit<KubeEndpointSlice, "ports" | "endpoints">> & {
    /** `null`: no number. */
    readonly ports?: readonly (Partial<Omit<SlicePort, "port">> & { readonly port?: number | null })[];
    readonly endpoints: readonly (Partial<KubeEndpoint> & { readonly address: string })[];
  })[];
}

function read({ context, service = {}, slices }: Input): ServiceReading {
  const { ports, ...rest } = service;
  const whole = kubeService({ ...rest, ...(ports !== undefined && { ports: ports.map((port) => kubePort(port)) }) });
  return translateService(whole, slices.map(sliceOf), translateContext(context));
}

function sliceOf({ ports, endpoints, ...rest }: Input["slices"][number]): KubeEndpointSlice {
  const read = (ports ?? [{}]).map(({ port, ...fields }) =>
    slicePort({ ...fields, ...(port !== undefined && { port: port ?? undefined }) }),
  );
  return kubeSlice(
    endpoints.map((endpoint) => kubeEndpoint(endpoint.address, endpoint)),
    { ...rest, ports: read },
  );
}

function render({ groups, rejected, externalName }: ServiceReading): string {
  return `${JSON.stringify({ groups, rejected: Object.fromEntries(rejected), externalName }, undefined, 2)}\n`;
}

const inputs = readdirSync(IN)
  .filter((file) => file.endsWith(".json"))
  .sort();
mkdirSync(OUT, { recursive: true });

for (const file of inputs) {
  const input = JSON.parse(readFileSync(join(IN, file), "utf8")) as Input;
  test(`kubernetes golden: ${file.replace(/\.json$/, "")}: ${input.rule}`, () => {
    const reading = read(input);
    const text = render(reading);
    const path = join(OUT, file);
    if (update) writeFileSync(path, text);
    assert.equal(text, readFileSync(path, "utf8"), `${file} differs; UPDATE_GOLDEN=1 rewrites it`);
    for (const group of reading.groups) assertAcceptable(group);
  });
}

/** What the gate behind every adapter would drop has no place in an example. */
function assertAcceptable(group: Group): void {
  const { group: kept, rejected } = sanitise(group, createAddressRules({ allow: [], deny: [], trusted: false }));
  assert.deepEqual(rejected, []);
  assert.deepEqual(kept, group);
}

test("kubernetes golden: there are inputs, and no output without one", () => {
  assert.ok(inputs.length >= 30, `${inputs.length} inputs`);
  for (const file of readdirSync(OUT)) {
    if (update && !inputs.includes(file)) rmSync(join(OUT, file));
    else assert.ok(inputs.includes(file), `${file} belongs to no input`);
  }
});
