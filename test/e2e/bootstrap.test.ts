/** Every bootstrap that `meshbridge bootstrap` can print is accepted by a real Envoy, without a warning. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { stringify } from "yaml";
import { locality } from "../../src/model/locality.ts";
import { type BootstrapOptions, envoyBootstrap } from "../../src/xds/bootstrap.ts";
import { selfSigned } from "../support/certificate.ts";
import { findProgram } from "../support/servers/cache.ts";

const envoy = findProgram("envoy");
const skip = envoy === undefined ? "ENVOY IS MISSING: run `npm run servers -- envoy`" : false;
let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "meshbridge-bootstrap-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const gateway: BootstrapOptions = {
  role: "gateway",
  name: "edge",
  nodeId: undefined,
  hostname: "host-1",
  xds: { host: "127.0.0.1", port: 18000 },
  cluster: "c1",
  network: "default",
  namespace: "default",
  locality: locality({ region: "eu", zone: "a", subZone: "rack-1" }),
  inbound: undefined,
  variant: "delta",
  adminPort: 9901,
  tls: undefined,
};

/** A throw-away certificate that is its own authority: Envoy reads the files when it validates. */
function makeCertificate(): { readonly caFile: string; readonly certFile: string; readonly keyFile: string } {
  const certFile = join(folder, "cert.pem");
  const keyFile = join(folder, "key.pem");
  const { cert, key } = selfSigned("bridge.example.com");
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  return { caFile: certFile, certFile, keyFile };
}

const cases: readonly (readonly [name: string, options: () => Partial<BootstrapOptions>])[] = [
  ["gateway, delta", () => ({})],
  ["gateway, state of the world, no admin interface", () => ({ variant: "sotw", adminPort: 0 })],
  ["sidecar with an inbound listener", () => ({ role: "sidecar", name: "web", inbound: { port: 15006, appPort: 8080 } })],
  ["bridge by IPv6 address", () => ({ xds: { host: "::1", port: 18000 } })],
  ["bridge by name, TLS", () => ({ xds: { host: "bridge.example.com", port: 443 }, tls: makeCertificate() })],
  [
    "bridge by address, TLS without a client certificate",
    () => ({ tls: { ...makeCertificate(), certFile: undefined, keyFile: undefined } }),
  ],
];

for (const [name, options] of cases) {
  for (const [format, print] of [
    ["yaml", (bootstrap: unknown) => stringify(bootstrap)],
    ["json", (bootstrap: unknown) => JSON.stringify(bootstrap)],
  ] as const) {
    test(`Envoy accepts: ${name} (${format})`, { skip, timeout: 60_000 }, () => {
      const file = join(folder, `bootstrap.${format}`);
      writeFileSync(file, print(envoyBootstrap({ ...gateway, ...options() })));
      const args = ["--mode", "validate", "--log-level", "warning", "-c", file];
      const result = spawnSync(envoy ?? "", args, { encoding: "utf8", timeout: 30_000 });
      assert.equal(result.status, 0, result.stderr + result.stdout);
      // Warnings would greet every user at every start: deprecated fields, missing limits.
      assert.doesNotMatch(result.stderr, /\[(warning|error|critical)\]/);
    });
  }
}
