/** Service account tokens on the xDS port: a real API server makes them and says whose they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { parseAllDocuments } from "yaml";
import { DiscoveryRequest } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { NODE_METADATA } from "../../src/xds/bootstrap.ts";
import { TYPE_URL } from "../../src/xds/types.ts";
import { createWorkspace, meshbridge, startBridge } from "../support/bridge.ts";
import { eventually } from "../support/eventually.ts";
import { startKubernetes } from "../support/kubernetes.ts";
import type { KubernetesObject } from "../support/kubernetes-api.ts";
import { namespaceObject } from "../support/kubernetes-objects.ts";
import { READER } from "../support/kubernetes-rights.ts";
import { requireServers } from "../support/require-server.ts";

const { skip } = requireServers("etcd", "kubernetes");
const METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

test("a token is good for its own account's nodes, for our audience, and while its cluster or our memory vouches", {
  skip,
}, async () => {
  await using scope = new AsyncDisposableStack();
  const kubernetes = await startKubernetes({ clusters: ["eu"] }, scope);
  const { api, kubeconfig } = kubernetes.cluster("eu");
  for (const namespace of ["shop", "pay"]) {
    await api.apply(namespaceObject(namespace));
    await api.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name: "web" } });
  }
  const tokenOf = async (namespace: string, audience?: string) => {
    const spec = { expirationSeconds: 3600, ...(audience !== undefined && { audiences: [audience] }) };
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/web/token`;
    return (await api.send<{ status: { token: string } }>("POST", path, body)).status.token;
  };
  const workspace = await createWorkspace(scope);
  await workspace.write("eu.yaml", kubeconfig("reader"));
  await workspace.write("services.yaml", "");
  await workspace.configure({
    registries: [{ kind: "kubernetes", name: "k8s", clusters: [{ kubeconfig: "./eu.yaml" }] }],
    xds: {
      listen: `127.0.0.1:${workspace.xdsPort}`,
      tokens: { registry: "k8s" },
      identities: [{ serviceAccount: "{namespace}/web", role: "sidecar", namespace: "{namespace}" }],
    },
  });
  await startBridge(workspace, scope);
  const ask = async (token: string | undefined, namespace = "shop"): Promise<string> => {
    const client = new Client(`127.0.0.1:${workspace.xdsPort}`, credentials.createInsecure());
    const pass = (bytes: Buffer) => bytes;
    const metadata = new Metadata();
    if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
    const call = client.makeBidiStreamRequest(METHOD, pass, pass, metadata);
    const node = { id: "n", metadata: { [NODE_METADATA.role]: "sidecar", [NODE_METADATA.namespace]: namespace } };
    return await new Promise<string>((resolve) => {
      call.on("data", () => resolve("served"));
      call.on("error", (error: ServiceError) => resolve(`code ${error.code}`));
      call.write(
        Buffer.from(DiscoveryRequest.encode(DiscoveryRequest.fromPartial({ node, typeUrl: TYPE_URL.cluster })).finish()),
      );
    }).finally(() => {
      call.cancel();
      client.close();
    });
  };

  const shop = await tokenOf("shop", "meshbridge");
  assert.equal(await ask(shop), "code 14", "without the right to ask, nobody is let in");
  const printed = await meshbridge(["rbac", "-c", workspace.configPath, "--account", READER, "-n", "default"], {
    cwd: workspace.dir,
  });
  const objects = parseAllDocuments(printed.stdout).map((document) => document.toJS() as KubernetesObject);
  const role = objects.find(({ kind, metadata }) => kind === "ClusterRole" && metadata.name.endsWith("-tokens"));
  assert.ok(role !== undefined, printed.stdout);
  await api.apply(role);
  const group = "rbac.authorization.k8s.io";
  const binding = { apiVersion: `${group}/v1`, kind: "ClusterRoleBinding", metadata: role.metadata };
  const subjects = [{ kind: "User", apiGroup: group, name: READER }];
  await api.apply({ ...binding, roleRef: { apiGroup: group, kind: "ClusterRole", name: role.metadata.name }, subjects });
  await eventually("the right counts", async () => assert.equal(await ask(shop), "served"));
  assert.equal(await ask(shop, "pay"), "code 7", "another namespace");
  assert.equal(await ask(await tokenOf("pay", "meshbridge"), "pay"), "served");
  assert.equal(await ask(await tokenOf("shop")), "code 7", "made for the API server, not for us");
  assert.equal(await ask(`${shop.slice(0, -3)}abc`), "code 7", "a signature that does not fit");
  assert.equal(await ask(undefined), "code 7");
  const fresh = await tokenOf("shop", "meshbridge");
  await kubernetes.cluster("eu").kill();
  assert.equal(await ask(shop), "served", "known from before");
  assert.equal(await ask(fresh), "code 14", "nobody can say");
});
