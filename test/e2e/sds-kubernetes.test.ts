/** A certificate from a Secret of a real API server, read with the rights that `meshbridge rbac` prints, in a real Envoy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { startHttpBackend } from "../support/backend.ts";
import { meshbridge } from "../support/bridge.ts";
import { authority, issue } from "../support/certificate.ts";
import { startEdge, WEB_HOST } from "../support/edge.ts";
import { eventually } from "../support/eventually.ts";
import { ask } from "../support/http.ts";
import { startKubernetes } from "../support/kubernetes.ts";
import type { KubernetesObject } from "../support/kubernetes-api.ts";
import { namespaceObject } from "../support/kubernetes-objects.ts";
import { READER } from "../support/kubernetes-rights.ts";
import { freePort } from "../support/ports.ts";
import { requireServers } from "../support/require-server.ts";
import { httpService, instanceOf, serviceFile } from "../support/service-file.ts";

const { skip } = requireServers("envoy", "etcd", "kubernetes");
const root = authority("test root");

test("a Secret is served, rotated, and kept when it is broken, deleted or unreadable", { skip }, async () => {
  await using scope = new AsyncDisposableStack();
  const kubernetes = await startKubernetes({ clusters: ["eu"] }, scope);
  const { api, kubeconfig } = kubernetes.cluster("eu");
  const backend = await startHttpBackend(scope);
  const port = await freePort();
  const put = (cert: string, key: string) => {
    const data = Object.entries({ "tls.crt": cert, "tls.key": key }).map(([name, pem]) => [
      name,
      Buffer.from(pem).toString("base64"),
    ]);
    return api.apply({
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/tls",
      metadata: { namespace: "shop", name: "web-tls" },
      data: Object.fromEntries(data),
    });
  };
  await api.apply(namespaceObject("shop"));
  const first = issue({ names: [WEB_HOST], by: root });
  await put(first.cert, first.key);
  const edge = await startEdge(
    {
      registries: [
        { kind: "file", name: "local", path: "./services.yaml" },
        { kind: "kubernetes", name: "k8s", clusters: [{ kubeconfig: "./eu.yaml" }] },
      ],
      files: { "services.yaml": serviceFile(httpService("web", [instanceOf(backend)])) },
      listeners: [{ name: "https", address: "127.0.0.1", port, protocol: "HTTPS", tls: { secret: "web" } }],
      config: { secrets: [{ name: "web", kubernetes: { registry: "k8s", namespace: "shop", secret: "web-tls" } }] },
    },
    scope,
    (workspace) => workspace.write("eu.yaml", kubeconfig("reader")),
  );
  const answered = () =>
    ask(`https://127.0.0.1:${port}/`, { headers: { host: WEB_HOST }, tls: { ca: root.cert, servername: WEB_HOST } });
  const serial = async () =>
    ((await (await ask(`${edge.envoy.adminUrl}/certs`)).body).match(/"serial_number": "(\w+)"/) ?? [])[1];
  const refused = async (count: number) =>
    eventually("it is refused", async () =>
      assert.match(
        (await edge.bridge.ask("/metrics")).body,
        new RegExp(`secret_reloads_total.secret="web",result="refused". ${count}`),
      ),
    );

  await refused(1);
  assert.match(
    edge.bridge.program.stderr(),
    /forbidden.*secret not usable; there is none yet/s,
    "the reader may not read Secrets",
  );
  const account = ["--account", READER, "-n", "default", "--registry", "k8s"];
  const printed = await meshbridge(["rbac", "-c", edge.workspace.configPath, ...account], { cwd: edge.workspace.dir });
  const role = parseAllDocuments(printed.stdout).map((document) => document.toJS() as KubernetesObject);
  const [secretRole] = role.filter(({ kind, metadata }) => kind === "Role" && metadata.namespace === "shop");
  assert.ok(secretRole !== undefined, printed.stdout);
  await api.apply(secretRole);
  const group = "rbac.authorization.k8s.io";
  await api.apply({
    ...secretRole,
    kind: "RoleBinding",
    rules: undefined,
    roleRef: { apiGroup: group, kind: "Role", name: secretRole.metadata.name },
    subjects: [{ kind: "User", apiGroup: group, name: READER }],
  } as KubernetesObject);
  await eventually("it answers", async () => assert.equal((await answered()).status, 200), { withinMs: 15_000 });

  const before = await serial();
  const second = issue({ names: [WEB_HOST], by: root });
  await put(second.cert, second.key);
  await eventually("it is rotated", async () => assert.notEqual(await serial(), before));
  const after = await serial();
  await put(first.cert, second.key);
  await refused(2);
  await api.remove({ apiVersion: "v1", kind: "Secret", metadata: { namespace: "shop", name: "web-tls" } });
  await refused(3);
  await kubernetes.cluster("eu").kill();
  await refused(4);
  assert.equal(await serial(), after);
  assert.equal((await answered()).status, 200);
});
