// Generates src/gen from the Envoy API definitions that the package @grpc/grpc-js-xds ships, and our own in proto/. Nothing
// is vendored.
// Plain JavaScript so that it runs before anything is built. Usage: node scripts/generate.mjs [--force]
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const out = join(root, "src/gen");
const stamp = join(out, ".stamp");

/** The messages the bridge speaks; buf adds what they import. */
const ENTRY_POINTS = [
  "envoy/service/discovery/v3/discovery.proto",
  "envoy/service/load_stats/v3/lrs.proto",
  "envoy/service/status/v3/csds.proto",
  "envoy/config/cluster/v3/cluster.proto",
  "envoy/config/endpoint/v3/endpoint.proto",
  "envoy/config/listener/v3/listener.proto",
  "envoy/config/route/v3/route.proto",
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
  "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
  "envoy/extensions/filters/network/rbac/v3/rbac.proto",
  "envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.proto",
  "envoy/extensions/filters/network/sni_cluster/v3/sni_cluster.proto",
  "envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto",
  "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto",
  "envoy/extensions/filters/http/on_demand/v3/on_demand.proto",
  "envoy/extensions/filters/http/router/v3/router.proto",
  "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
  "envoy/extensions/access_loggers/file/v3/file.proto",
  "envoy/extensions/transport_sockets/tls/v3/tls.proto",
  "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
  "google/protobuf/any.proto",
  "google/rpc/status.proto",
  "meshbridge/link/v1/link.proto",
];

const OPTIONS = [
  "enumsAsLiterals=true",
  "importSuffix=.ts",
  "oneof=unions-value",
  "outputJsonMethods=to-only",
  "outputPartialMethods=true",
  "outputServices=none",
  "esModuleInterop=true",
  "removeEnumPrefix=false",
];

const NEWER_FIELDS = [
  [
    "envoy/service/discovery/v3/discovery.proto",
    "message DiscoveryResponse {",
    `message ResourceError {
  ResourceName resource_name = 1;
  google.rpc.Status error_detail = 2;
}
`,
  ],
  [
    "envoy/service/discovery/v3/discovery.proto",
    "  config.core.v3.ControlPlane control_plane = 6;",
    "  repeated ResourceError resource_errors = 7;",
  ],
  [
    "envoy/extensions/transport_sockets/tls/v3/tls.proto",
    "  google.protobuf.BoolValue enforce_rsa_key_usage = 5;",
    "  bool auto_host_sni = 6;",
  ],
  [
    "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto",
    "  TcpAccessLogOptions access_log_options = 17;",
    `  UpstreamConnectMode upstream_connect_mode = 21;
  google.protobuf.UInt32Value max_early_data_bytes = 22;
  enum UpstreamConnectMode {
    IMMEDIATE = 0;
    ON_DOWNSTREAM_DATA = 1;
  }`,
  ],
];

const version = (name) => JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version;
/** Our own definitions, beside which those of the package are laid. */
const own = join(root, "proto");
const ownTexts = readdirSync(own, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "utf8"));
const fingerprint = JSON.stringify([
  ENTRY_POINTS,
  ownTexts,
  OPTIONS,
  NEWER_FIELDS,
  ...["@grpc/grpc-js-xds", "ts-proto", "@bufbuild/buf"].map(version),
]);
if (!process.argv.includes("--force") && existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint) process.exit(0);

process.stderr.write("[generate] protobuf code into src/gen …\n");
const work = mkdtempSync(join(tmpdir(), "meshbridge-proto-"));
try {
  const deps = join(root, "node_modules/@grpc/grpc-js-xds/deps");
  const protos = join(work, "protos");
  mkdirSync(protos);
  for (const tree of ["envoy-api", "googleapis", "protoc-gen-validate", "xds"])
    cpSync(join(deps, tree), protos, { recursive: true });
  cpSync(own, protos, { recursive: true });
  // The shipped validate.proto is older than the Envoy API it stands beside and lacks one field the latter uses.
  const validate = join(protos, "validate/validate.proto");
  const text = readFileSync(validate, "utf8");
  if (!/ignore_empty\s*=\s*26/.test(text)) {
    writeFileSync(validate, text.replace(/message StringRules \{/, "message StringRules {\n  optional bool ignore_empty = 26;"));
  }
  // Fields of newer Envoys (1.34 and later) that the shipped API does not have yet.
  for (const [path, before, after] of NEWER_FIELDS) {
    const proto = join(protos, path);
    const shipped = readFileSync(proto, "utf8");
    if (!shipped.includes(before)) throw new Error(`${path} has no "${before}"`);
    if (!shipped.includes(after.trim().split("\n")[0])) writeFileSync(proto, shipped.replace(before, `${after}\n${before}`));
  }
  writeFileSync(join(protos, "buf.yaml"), "version: v2\nmodules: [{ path: . }]\n");
  writeFileSync(
    join(work, "buf.gen.yaml"),
    JSON.stringify({
      version: "v2",
      plugins: [
        { local: join(root, "node_modules/.bin/protoc-gen-ts_proto"), out: join(work, "gen"), opt: OPTIONS, strategy: "all" },
      ],
    }),
  );
  const buf = join(root, "node_modules/.bin/buf");
  const paths = ENTRY_POINTS.flatMap((path) => ["--path", join(protos, path)]);
  const args = ["generate", protos, "--template", join(work, "buf.gen.yaml"), "--include-imports", "--include-wkt", ...paths];
  const result = spawnSync(buf, args, {
    cwd: work,
    encoding: "utf8",
    env: { ...process.env, BUF_CACHE_DIR: join(work, "cache") },
  });
  if (result.status !== 0) {
    process.stderr.write(`[generate] buf failed: ${result.error ?? ""}${result.stderr}${result.stdout}\n`);
    process.exit(1);
  }
  rmSync(out, { recursive: true, force: true });
  cpSync(join(work, "gen"), out, { recursive: true });
  writeFileSync(stamp, fingerprint);
} finally {
  rmSync(work, { recursive: true, force: true });
}
