import assert from "node:assert/strict";
import { test } from "node:test";
import { configJsonSchema } from "./json-schema.ts";
import { configReference } from "./reference.ts";
import { consulLike, fileLike } from "./testing.ts";

const page = configReference([fileLike, consulLike]);

for (const line of [
  "| `listen` | host:port | `127.0.0.1:18000` | `MESHBRIDGE_XDS_LISTEN` | Where xDS is served (gRPC). `[::1]:18000` for IPv6; port 0 takes a free one. |",
  "| `tls` | map |  |  | TLS for the xDS port. Files are read anew when they change. |",
  "| `tls.certFile` | text | required | `MESHBRIDGE_XDS_TLS_CERT_FILE` | PEM file of the server's certificate chain. |",
  "| `level` | `trace`, `debug`, `info`, `warn`, `error` | `info` | `MESHBRIDGE_LOG_LEVEL` | The least severe level that is written. |",
  "| `listeners[].port` | whole number, 1–65535 | required | Port that Envoy binds. |",
  "| `routes[].retries.attempts` | whole number, 1–100 | `2` | Retries after the first try. |",
  "| `match` | pattern | required | `namespace/name`, where `*` stands for any characters within a part; `*` alone is every service. |",
  "| `token` | map with `fromEnv` or map with `fromFile` |  | Where the secret is: {fromEnv: NAME} or {fromFile: PATH}. Never the secret itself. |",
  "| `datacenters` | list of: text |  | Which datacenters. |",
  "### kind `file`",
  "### kind `consul`",
])
  test(`the page has: ${line}`, () => {
    assert.ok(page.split("\n").includes(line), page);
  });

test("the JSON Schema is complete and plain", () => {
  const schema = configJsonSchema([fileLike, consulLike]);
  assert.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schema["required"], undefined);
  assert.deepEqual(JSON.parse(JSON.stringify(schema)), schema);
  assert.deepEqual(Object.keys(schema["properties"] as object), [
    "mesh",
    "xds",
    "admin",
    "log",
    "state",
    "registries",
    "gateways",
    "networks",
    "exports",
    "mtls",
    "services",
    "sidecar",
    "secrets",
    "links",
    "dns",
  ]);
});
