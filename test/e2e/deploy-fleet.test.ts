/**
 * A fleet of real clusters: members join with the least rights and can do nothing outside of them, are deployed to with
 * these, tell what room they have, and leave.
 */
import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { runCommand } from "../../src/cli/testing/run.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { eventually } from "../support/eventually.ts";
import { type Cluster, startKubernetes } from "../support/kubernetes.ts";
import { type KubernetesObject, kubernetesApi } from "../support/kubernetes-api.ts";
import { startNodes } from "../support/kubernetes-nodes.ts";
import { denyReader } from "../support/kubernetes-rights.ts";
import { requireServers } from "../support/require-server.ts";
import { tempDir } from "../support/temp.ts";

const WEB = new URL("../../examples/deploy/web.yaml", import.meta.url);
const NAMES = ["fl-eu", "fl-us"];
const { skip } = requireServers("etcd", "kubernetes", "kwok");

/** What only its own operator knows: its size, and how many of it are up. */
const WIDGETS: KubernetesObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.acme.io" },
  spec: {
    group: "acme.io",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};
const WIDGET = `apiVersion: deploy.meshbridge.io/v1alpha1
kind: FederatedWorkload
metadata: { name: widget, namespace: shop }
spec:
  template:
    manifests:
      - { apiVersion: acme.io/v1, kind: Widget, metadata: { name: w }, spec: {} }
  placement: { clusterSelector: {} }
  replicas: { total: 8, mode: divided }
  interpret:
    - { group: acme.io, kind: Widget, scale: /spec/size, readyReplicas: object.status.up, healthy: [{ cel: object.status.up >= object.spec.size }] }
`;

interface Listed {
  readonly name: string;
  readonly health: string;
  readonly readyNodes?: number;
  readonly room?: { readonly pods: number };
}

describe("a fleet of real clusters", { skip }, () => {
  const scope = new AsyncDisposableStack();
  let clusters: readonly Cluster[] = [];
  let dir = "";
  const path = (name: string) => join(dir, name);
  const fleet = (verb: string, ...words: readonly string[]) =>
    runCommand(["deploy", "clusters", verb, ...words, "--clusters", path("fleet.yaml"), "--timeout", "4s"], {
      clock: systemClock,
    });
  const deploy = (verb: string, ...words: readonly string[]) =>
    runCommand(["deploy", verb, "-f", path("web.yaml"), "--clusters", path("fleet.yaml"), "--timeout", "4s", ...words], {
      clock: systemClock,
    });
  const admin = (name: string) => ["--kubeconfig", path(`admin-${name}`)];
  const cluster = (name: string) => clusters.find((one) => one.name === name) ?? assert.fail(name);
  const tokenOf = async (name: string) => {
    const config = parse(await readFile(path(`${name}.kubeconfig`), "utf8")) as { users: { user: { token: string } }[] };
    return config.users[0]?.user.token ?? assert.fail("no token");
  };
  /** As the member's own account. */
  const asMember = async (name: string) => {
    const { url, ca } = cluster(name);
    return kubernetesApi({ url, token: await tokenOf(name), ca: () => ca });
  };

  before(async () => {
    dir = await tempDir(scope, "deploy-fleet");
    clusters = (await startKubernetes({ clusters: NAMES }, scope)).clusters;
    await startNodes(cluster("fl-eu"), { zones: ["a"], scheduler: true }, scope);
    // The accounts of these tests have what `join` gives them and nothing else.
    for (const one of clusters) await denyReader(one.api);
    await copyFile(WEB, path("web.yaml"));
    for (const one of clusters) await writeFile(path(`admin-${one.name}`), one.kubeconfig("admin"));
  });
  after(() => scope.disposeAsync());

  test("members join with a token that expires, and are deployed to with it", async () => {
    for (const name of NAMES) {
      const words = [
        "-f",
        path("web.yaml"),
        "--yes",
        "--region",
        name.slice(3),
        "--label",
        "tier=production",
        "--token-life",
        "1h",
      ];
      const { code, stderr } = await fleet("join", name, ...admin(name), ...words);
      assert.equal(code, 0, stderr);
    }
    const applied = await deploy("apply");
    assert.equal(applied.code, 0, applied.stderr);
    const again = await deploy("apply");
    assert.match(again.stderr, /nothing to do/);
  });

  test("the account can do nothing outside of what it was given", async () => {
    const api = await asMember("fl-eu");
    await api.send("GET", "/api/v1/namespaces/shop/configmaps/web");
    const forbidden = [
      ["GET", "/api/v1/namespaces/shop/secrets"],
      ["GET", "/api/v1/nodes"],
      ["GET", "/api/v1/pods"],
      ["GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles"],
      ["DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/meshbridge-deploy"],
      ["DELETE", "/apis/apps/v1/namespaces/shop/deployments"],
      ["DELETE", "/apis/apps/v1/namespaces/kube-system/daemonsets/x"],
    ] as const;
    for (const [method, at] of forbidden) await assert.rejects(api.send(method, at), /answered 403/, `${method} ${at}`);
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 600 } };
    const account = (name: string) => `/api/v1/namespaces/kube-system/serviceaccounts/${name}/token`;
    await assert.rejects(api.send("POST", account("namespace-controller"), request), /answered 403/);
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "x", namespace: "shop" }, spec: { containers: [] } };
    await assert.rejects(api.send("POST", "/api/v1/namespaces/shop/pods", pod), /answered 403/);
    const role = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" };
    const binding = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "x" },
      roleRef: role,
    };
    await assert.rejects(api.send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding), /answered 403/);
  });

  test("its token is replaced by its own next one", async () => {
    const before = await tokenOf("fl-eu");
    const { stdout, stderr } = await fleet("renew", "--force", "--token-life", "2h");
    assert.equal(stdout.match(/ renewed /g)?.length, 2, stdout + stderr);
    assert.notEqual(await tokenOf("fl-eu"), before);
    assert.match((await fleet("renew", "--token-life", "2h")).stdout, / kept +good until/);
    assert.equal((await deploy("plan")).code, 0);
  });

  test("a custom kind is read by CEL, fails alone the cluster that lacks it, and is found when it leaves the template", async () => {
    const { api } = cluster("fl-eu");
    await api.apply(WIDGETS);
    await eventually("widgets are served", () => api.send("GET", "/apis/acme.io/v1/widgets"));
    await writeFile(path("widget.yaml"), WIDGET);
    const words = ["-f", path("web.yaml"), "-f", path("widget.yaml"), "--yes"];
    for (const name of NAMES) {
      const joined = await fleet("join", name, ...admin(name), ...words);
      assert.equal(joined.code, 0, joined.stderr);
    }
    const widget = async (verb: string) => {
      const given = ["-f", path("widget.yaml"), "--clusters", path("fleet.yaml"), "--timeout", "4s", "-o", "json"];
      const { code, stdout } = await runCommand(["deploy", verb, ...given], { clock: systemClock });
      return {
        code,
        view: JSON.parse(stdout) as { outcomes: { cluster: string; object: string; verb: string; result: string }[] },
      };
    };
    const applied = await widget("apply");
    assert.equal(applied.code, 1, "one cluster does not serve it");
    const lines = ({ outcomes }: typeof applied.view) =>
      outcomes.map((one) => `${one.cluster} ${one.verb} ${one.object.split(" ")[0]} ${one.result}`);
    assert.deepEqual(
      lines(applied.view).filter((line) => !line.includes("ConfigMap")),
      ["fl-eu create Widget done", "fl-us blocked Widget waiting"],
    );
    const at = "/apis/acme.io/v1/namespaces/shop/widgets/w";
    const live = await api.send<{ spec: { size: number } }>("GET", at);
    assert.equal(live.spec.size, 4);
    assert.equal((await widget("status")).code, 1, "it is not up");
    await api.apply({ ...(live as unknown as KubernetesObject), metadata: { name: "w", namespace: "shop" }, status: { up: 4 } });
    const status = (await widget("status")).view as unknown as { clusters: { name: string; health: string }[] };
    assert.equal(status.clusters.find(({ name }) => name === "fl-eu")?.health, "Healthy");
    await writeFile(
      path("widget.yaml"),
      WIDGET.replaceAll("Widget,", "ConfigMap,")
        .replace("apiVersion: acme.io/v1,", "apiVersion: v1,")
        .replace(/ {2}replicas.*\n/, "")
        .replace(/, spec: \{\}/, ""),
    );
    const left = await widget("apply");
    assert.equal(left.code, 0, JSON.stringify(left.view));
    assert.ok(lines(left.view).includes("fl-eu delete Widget done"), lines(left.view).join("\n"));
    await assert.rejects(api.send("GET", at), /404/);
    assert.equal((await widget("delete")).code, 0);
  });

  test("health has a time, and a cluster that stands still is not ready", async () => {
    for (const name of NAMES) await copyFile(path(`${name}.kubeconfig`), path(`member-${name}`));
    await writeFile(path("fl-eu.kubeconfig"), cluster("fl-eu").kubeconfig("admin"));
    const listed = async () => {
      const { code, stdout } = await fleet("list", "-o", "json");
      return { code, rows: JSON.parse(stdout) as Listed[] };
    };
    await eventually("its node is ready", async () => {
      const { code, rows } = await listed();
      assert.deepEqual([code, rows.map(({ health }) => health)], [0, ["Ready", "Ready"]]);
      assert.deepEqual([rows[0]?.readyNodes, rows[1]?.readyNodes], [1, undefined], "the member's own account may not read nodes");
      assert.ok((rows[0]?.room?.pods ?? 0) > 0);
    });
    process.kill(cluster("fl-us").program.pid, "SIGSTOP");
    try {
      const stopped = await listed();
      assert.deepEqual([stopped.code, stopped.rows.map(({ health }) => health)], [3, ["Ready", "NotReady"]]);
      const refused = await fleet("unjoin", "fl-us");
      assert.match(refused.stderr, /MB_CLUSTER_UNREACHABLE/);
    } finally {
      process.kill(cluster("fl-us").program.pid, "SIGCONT");
      await copyFile(path("member-fl-eu"), path("fl-eu.kubeconfig"));
    }
  });

  test("a member that holds workloads is kept, an orphaned one leaves everything behind, and its token is worth nothing", async () => {
    const refused = await fleet("unjoin", "fl-us", ...admin("fl-us"));
    assert.match(refused.stderr, /MB_CLUSTER_IN_USE/);
    const api = await asMember("fl-us");
    const left = await fleet("unjoin", "fl-us", "--orphan", ...admin("fl-us"));
    assert.equal(left.code, 0, left.stderr);
    const path_ = "/apis/apps/v1/namespaces/shop/deployments/web";
    const live = await cluster("fl-us").api.send<{ metadata: { annotations: object; labels: object } }>("GET", path_);
    assert.doesNotMatch(JSON.stringify([live.metadata.annotations, live.metadata.labels]), /meshbridge/);
    await assert.rejects(api.send("GET", path_), /answered 40[13]/);
  });
});
