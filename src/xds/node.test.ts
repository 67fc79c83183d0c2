import assert from "node:assert/strict";
import { test } from "node:test";
import { Node } from "../gen/envoy/config/core/v3/base.ts";
import { NODE_METADATA } from "./bootstrap.ts";
import { agentOf, clientOf, viewKey } from "./node.ts";

const defaults = { cluster: "c1", network: "default", namespace: "default" };
const node = (metadata: Record<string, unknown> = {}, fields: Partial<Node> = {}) => ({
  ...Node.fromPartial({ id: "n" }),
  metadata,
  ...fields,
});

test("a node that says nothing is a sidecar with the bridge's defaults", () => {
  assert.deepEqual(clientOf(node(), defaults), {
    role: "sidecar",
    gateway: "",
    ...defaults,
    locality: { region: "", zone: "", subZone: "" },
    inbound: undefined,
  });
});

test("gRPC is known by its user agent", () => {
  for (const userAgentName of ["gRPC Node Pure JS", "grpc-java", "gRPC-go"])
    assert.equal(clientOf(node({}, { userAgentName }), defaults).role, "grpc");
});

test("what the node says wins over the defaults", () => {
  const metadata = {
    [NODE_METADATA.role]: "sidecar",
    [NODE_METADATA.cluster]: "c2",
    [NODE_METADATA.network]: "n2",
    [NODE_METADATA.namespace]: "shop",
    [NODE_METADATA.inbound]: "15006:8080",
  };
  const client = clientOf(node(metadata, { locality: { region: "eu", zone: "a", subZone: "" } }), defaults);
  assert.deepEqual(client, {
    role: "sidecar",
    gateway: "",
    cluster: "c2",
    network: "n2",
    namespace: "shop",
    locality: { region: "eu", zone: "a", subZone: "" },
    inbound: { port: 15006, appPort: 8080 },
  });
});

test("a gateway without a name is called by node.cluster", () => {
  assert.equal(clientOf(node({ [NODE_METADATA.role]: "gateway" }, { cluster: "edge" }), defaults).gateway, "edge");
  assert.equal(
    clientOf(node({ [NODE_METADATA.role]: "gateway", [NODE_METADATA.gateway]: "inner" }, { cluster: "edge" }), defaults).gateway,
    "inner",
  );
});

for (const [name, bad] of [
  ["no node", undefined],
  ["no id", Node.fromPartial({})],
  ["an unknown role", node({ [NODE_METADATA.role]: "admin" })],
  ["an inbound without ports", node({ [NODE_METADATA.inbound]: "x" })],
  ["an inbound to itself", node({ [NODE_METADATA.inbound]: "80:80" })],
  ["an inbound out of range", node({ [NODE_METADATA.inbound]: "70000:80" })],
  ["an endless name", node({ [NODE_METADATA.cluster]: "x".repeat(300) })],
] as const) {
  test(`${name} is refused`, () => {
    assert.throws(() => clientOf(bad, defaults), { code: "MB_XDS_NODE_INVALID" });
  });
}

test("metadata of other types, and names of Object's own, are ignored", () => {
  const metadata = JSON.parse(`{"${NODE_METADATA.cluster}": 7, "__proto__": {"${NODE_METADATA.network}": "evil"}}`);
  const client = clientOf(node(metadata), defaults);
  assert.equal(client.cluster, "c1");
  assert.equal(client.network, "default");
});

test("clients with equal keys see equal resources: a namespace matters to a sidecar only", () => {
  const gateway = (namespace: string) =>
    viewKey(clientOf(node({ [NODE_METADATA.role]: "gateway", [NODE_METADATA.namespace]: namespace }), defaults));
  const sidecar = (namespace: string) => viewKey(clientOf(node({ [NODE_METADATA.namespace]: namespace }), defaults));
  assert.equal(gateway("a"), gateway("b"));
  assert.notEqual(sidecar("a"), sidecar("b"));
});

test("on demand is a sidecar's alone, and a view of its own", () => {
  const asks = { [NODE_METADATA.onDemand]: "true" };
  const sidecar = clientOf(node(asks), defaults);
  assert.equal(sidecar.onDemand, true);
  assert.notEqual(viewKey(sidecar), viewKey(clientOf(node(), defaults)));
  assert.equal(clientOf(node({ ...asks, [NODE_METADATA.role]: "grpc" }), defaults).onDemand, undefined);
});

test("the agent is shown with its version", () => {
  assert.equal(
    agentOf(node({}, { userAgentName: "gRPC", userAgentVersionType: { $case: "userAgentVersion", value: "1.2" } })),
    "gRPC 1.2",
  );
  const version = { majorNumber: 1, minorNumber: 40, patch: 0 };
  const built = { $case: "userAgentBuildVersion" as const, value: { version, metadata: undefined } };
  assert.equal(agentOf(node({}, { userAgentName: "envoy", userAgentVersionType: built })), "envoy 1.40.0");
});
